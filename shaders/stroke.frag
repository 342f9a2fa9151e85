// stroke.frag - a stroke's colour, premultiplied, with an edge smoothed over one framebuffer pixel.

uniform float pixel_ratio;

varying vec2 v_place;
varying float v_length;
varying float v_half_width;
varying vec4 v_colour;

void main() {
    float from_line = length(vec2(v_place.x - clamp(v_place.x, 0.0, v_length), v_place.y));
    float cover = clamp((v_half_width - from_line) * pixel_ratio + 0.5, 0.0, 1.0);
    float alpha = v_colour.a * cover;
    gl_FragColor = vec4(v_colour.rgb * alpha, alpha);
}
