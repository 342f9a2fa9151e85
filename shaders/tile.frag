// tile.frag - one pixel of one tile: the tile, its ancestor while the tile is missing or fading in, then colour.
// ANCESTORS, ICC, ADJUST, DEBUG and FOVEATED are defined by gpu.renderer only where a frame needs them: software OpenGL runs
// both sides of a branch, so what is not needed must not be there.
#include "sampling.glsl"
#include "colour.glsl"
#ifdef DEBUG
#include "debug.glsl"
#endif
#ifdef FOVEATED
#include "foveation.glsl"
uniform vec4 foveation;              // gaze x, y, tangent per pixel, radius in degrees
uniform vec2 framebuffer_px;
flat in vec4 texture_sizes;          // tile, ancestor

// Facts of a tile or ancestor at a coarser lod.
vec4 coarser(vec4 facts, vec2 size, float octaves) {
    float lod = facts.z + octaves;
    return vec4(last_position(size, lod), lod, facts.w);
}
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
    vec4 facts = tile_facts;
#ifdef FOVEATED
    vec2 here_px = vec2(gl_FragCoord.x, framebuffer_px.y - gl_FragCoord.y);
    float octaves = foveation_lod(distance(here_px, foveation.xy), foveation.z, foveation.w);
    facts = coarser(facts, texture_sizes.xy, octaves);
#endif
    vec4 tile = sample_texels(tile_slots.x, tile_position, facts.xy, facts.z);
#ifdef ANCESTORS
    vec4 below = ancestor_facts;
#ifdef FOVEATED
    below = coarser(below, texture_sizes.zw, octaves);
#endif
    // Always smooth: a magnified ancestor is a stand-in, and its squares would look like real pixels.
    vec4 ancestor = sample_smooth(tile_slots.y, ancestor_position, below.xy, below.z);
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
