// tile.frag - one pixel of one tile: the tile, its ancestor while the tile is missing or fading in, then colour.
// ANCESTORS, ICC, ADJUST and DEBUG are defined by gpu.renderer only where a frame needs them: software OpenGL runs
// both sides of a branch, so what is not needed must not be there.
#include "sampling.glsl"
#include "colour.glsl"
#ifdef DEBUG
#include "debug.glsl"
#endif

in vec2 tile_position;
flat in vec4 tile_facts;             // last position x, y, lod, fade
flat in ivec2 tile_slots;            // tile, ancestor
#ifdef ANCESTORS
in vec2 ancestor_position;
flat in vec4 ancestor_facts;         // last position x, y, lod
#endif
#ifdef DEBUG
in vec2 rect_position_px;
flat in vec2 rect_size_px;
flat in vec4 tile_tint;
#endif

out vec4 fragment;

vec4 stored_value() {
    vec4 tile = sample_texels(tile_slots.x, tile_position, tile_facts.xy, tile_facts.z);
#ifdef ANCESTORS
    // Always smooth: a magnified ancestor is a stand-in, and its squares would look like real pixels.
    vec4 ancestor = sample_smooth(tile_slots.y, ancestor_position, ancestor_facts.xy, ancestor_facts.z);
    bool has_ancestor = tile_slots.y >= 0;
    vec4 underneath = has_ancestor ? ancestor : vec4(0.0);
    float fade = tile_slots.x < 0 ? 0.0 : has_ancestor ? tile_facts.w : 1.0;
    return mix(underneath, tile, fade);
#else
    return tile;
#endif
}

void main() {
    vec3 colour = over_background(stored_value());
#ifdef DEBUG
    colour = with_debug_marks(colour, rect_position_px, rect_size_px, tile_tint);
#endif
    fragment = vec4(colour, 1.0);
}
