// quad.vert - a textured quad at four points of the screen. Runs in vispy's gloo, hence GLSL 1.20 without #version.

attribute vec2 point;                   // logical pixels
attribute vec2 texture_point;           // 0..1

uniform vec2 screen_px;                 // size of the screen in logical pixels

varying vec2 v_texture_point;

void main() {
    v_texture_point = texture_point;
    gl_Position = vec4(point.x / screen_px.x * 2.0 - 1.0, 1.0 - point.y / screen_px.y * 2.0, 0.0, 1.0);
}
