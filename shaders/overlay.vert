// overlay.vert - the visible part of the slide as one quad, with its place on the grid of patches.

layout(location = 0) in vec2 corner;       // 0 or 1: left or right, top or bottom

uniform vec4 rect_px;                      // x0, y0, x1, y1 from the view's centre, y down, before rotation
uniform vec4 rect_patches;                 // the same rectangle in patches from the first one's corner
uniform vec2 framebuffer_px;
uniform vec2 rotation;                     // cosine, sine

out vec2 patch_position;

void main() {
    vec2 point = mix(rect_px.xy, rect_px.zw, corner);
    vec2 turned = vec2(rotation.x * point.x - rotation.y * point.y, rotation.y * point.x + rotation.x * point.y);
    gl_Position = vec4(turned * vec2(2.0, -2.0) / framebuffer_px, 0.0, 1.0);
    patch_position = mix(rect_patches.xy, rect_patches.zw, corner);
}
