// stroke.vert - one straight stroke with round ends as a quad. Runs in vispy's gloo, hence GLSL 1.20 without #version.
// Positions are slide pixels from an origin near the view, so that float32 is exact enough on any slide.

attribute vec2 start;
attribute vec2 end;
attribute vec2 corner;                  // 0 or 1: start or end, one side or the other
attribute vec4 colour;                  // straight alpha
attribute float half_width;             // logical pixels

uniform vec4 screen_from_slide;         // 2x2 matrix, row by row: logical pixels per slide pixel
uniform vec2 origin_px;                 // where the origin stands on the screen, logical pixels
uniform vec2 screen_px;                 // size of the screen in logical pixels
uniform float pixel_ratio;              // framebuffer pixels per logical pixel

varying vec2 v_place;                   // logical pixels along and across the stroke, from its start
varying float v_length;
varying float v_half_width;
varying vec4 v_colour;

vec2 on_screen(vec2 point) {
    return vec2(dot(screen_from_slide.xy, point), dot(screen_from_slide.zw, point)) + origin_px;
}

void main() {
    vec2 from = on_screen(start);
    vec2 along = on_screen(end) - from;
    v_length = length(along);
    along = v_length > 1e-4 ? along / v_length : vec2(1.0, 0.0);
    float reach = half_width + 1.0 / pixel_ratio;   // room for the smoothed edge
    v_place = vec2(mix(-reach, v_length + reach, corner.x), mix(-reach, reach, corner.y));
    v_half_width = half_width;
    v_colour = colour;
    vec2 point = from + along * v_place.x + vec2(-along.y, along.x) * v_place.y;
    gl_Position = vec4(point.x / screen_px.x * 2.0 - 1.0, 1.0 - point.y / screen_px.y * 2.0, 0.0, 1.0);
}
