// tile.vert - places one instance (gpu.renderer.TILE_INSTANCE) per tile; a triangle strip of four vertices.
#include "sampling.glsl"

layout(location = 0) in vec4 rect_px;          // x0, y0, x1, y1 from the view's centre, y down, before rotation
layout(location = 1) in vec4 tile;             // valid width, valid height (texels), lod, fade
layout(location = 2) in vec4 ancestor_rect;    // x0, y0, x1, y1 in texels of the ancestor's mip 0
layout(location = 3) in vec3 ancestor;         // valid width, valid height (texels), lod
layout(location = 4) in ivec2 slots;           // tile, ancestor
layout(location = 5) in vec4 tint;

uniform vec2 framebuffer_px;
uniform vec2 rotation;                         // cosine, sine

out vec2 tile_position;
flat out vec4 tile_facts;
flat out ivec2 tile_slots;
#ifdef ANCESTORS
out vec2 ancestor_position;
flat out vec4 ancestor_facts;
#endif
#ifdef DEBUG
out vec2 rect_position_px;
flat out vec2 rect_size_px;
flat out vec4 tile_tint;
#endif
#ifdef FOVEATED
flat out vec4 texture_sizes;
#endif

void main() {
    bvec2 far = bvec2((gl_VertexID & 1) != 0, (gl_VertexID & 2) != 0);
    // Edges are selected, not interpolated: tiles that share an edge get bit-identical vertices, hence no cracks.
    vec2 corner = vec2(far.x ? rect_px.z : rect_px.x, far.y ? rect_px.w : rect_px.y);
    vec2 turned = vec2(rotation.x * corner.x - rotation.y * corner.y, rotation.y * corner.x + rotation.x * corner.y);
    gl_Position = vec4(turned * vec2(2.0, -2.0) / framebuffer_px, 0.0, 1.0);

    tile_position = vec2(far) * tile.xy;
    tile_facts = vec4(last_position(tile.xy, tile.z), tile.zw);
    tile_slots = slots;
#ifdef ANCESTORS
    ancestor_position = vec2(far.x ? ancestor_rect.z : ancestor_rect.x, far.y ? ancestor_rect.w : ancestor_rect.y);
    ancestor_facts = vec4(last_position(ancestor.xy, ancestor.z), ancestor.z, 0.0);
#endif
#ifdef DEBUG
    rect_size_px = rect_px.zw - rect_px.xy;
    rect_position_px = vec2(far) * rect_size_px;
    tile_tint = tint;
#endif
#ifdef FOVEATED
    texture_sizes = vec4(tile.xy, ancestor.xy);
#endif
}
