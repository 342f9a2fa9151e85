// overlay.vert - the visible part of the slide as one quad, with its place on the grid of patches.

layout(location = 0) in vec2 corner;       // 0 or 1: left or right, top or bottom

uniform vec4 rect_px;                      // x0, y0, x1, y1 from the view's centre, y down, before rotation
uniform vec4 rect_patches;                 // the same rectangle in patches from the first one's corner
uniform vec2 framebuffer_px;
uniform vec2 rotation;                     // cosine, sine
uniform vec2 first_patch;                  // whole numbers
uniform sampler2D field;
#ifdef LEVELS
uniform sampler2D regions;                 // the last ones may reach beyond the field
#endif
#ifdef TISSUE
uniform vec2 slide_patches;
#endif

#ifdef LEVELS
const float SIDE = 16.0;                   // patches of a region
#endif

// The quad is flat: without perspective no pixel is divided by a depth.
noperspective out vec2 patch_position;
noperspective out vec2 in_field;           // 0 to 1, as textures count
#ifdef LEVELS
noperspective out vec2 in_regions;
#endif
#ifdef TISSUE
noperspective out vec2 in_slide;
#endif

void main() {
    vec2 point = mix(rect_px.xy, rect_px.zw, corner);
    vec2 turned = vec2(rotation.x * point.x - rotation.y * point.y, rotation.y * point.x + rotation.x * point.y);
    gl_Position = vec4(turned * vec2(2.0, -2.0) / framebuffer_px, 0.0, 1.0);
    patch_position = mix(rect_patches.xy, rect_patches.zw, corner);
    vec2 patch_of_slide = patch_position + first_patch;
    in_field = patch_of_slide / vec2(textureSize(field, 0));
#ifdef LEVELS
    in_regions = patch_of_slide / (SIDE * vec2(textureSize(regions, 0)));
#endif
#ifdef TISSUE
    in_slide = patch_of_slide / slide_patches;
#endif
}
