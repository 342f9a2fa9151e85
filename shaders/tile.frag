// tile.frag - one pixel of one tile: the tile, its ancestor while the tile is missing or fading in, then colour.
// ANCESTORS, NEAREST, ICC, ADJUST and DEBUG are defined by gpu.renderer only where a frame needs them: software
// OpenGL runs both sides of a branch, so what is not needed must not be there.

#include "sampling.glsl"
#include "colour.glsl"
#ifdef ANCESTORS
#include "failed.glsl"
#endif
#ifdef DEBUG
#include "debug.glsl"
#endif

const int FAILED_TILE = -2;

in vec2 tile_position;
flat in vec4 tile_facts;             // valid width, valid height, lod, fade
flat in ivec2 tile_slots;            // tile, ancestor
#ifdef ANCESTORS
in vec2 ancestor_position;
flat in vec3 ancestor_facts;         // valid width, valid height, lod
#endif
#ifdef DEBUG
in vec2 rect_position_px;
flat in vec2 rect_size_px;
flat in vec4 tile_tint;
#endif

out vec4 fragment;

vec4 tile_texel() {
#ifdef NEAREST
    if (tile_facts.z < 0.0) {
        return sample_nearest(tile_slots.x, tile_position, tile_facts.xy);
    }
#endif
    return sample_smooth(tile_slots.x, tile_position, tile_facts.xy, tile_facts.z);
}

vec4 stored_value() {
#ifdef ANCESTORS
    bool has_ancestor = tile_slots.y >= 0;
    vec4 stored = vec4(0.0);
    if (has_ancestor && (tile_slots.x < 0 || tile_facts.w < 1.0)) {
        // Always smooth: a magnified ancestor is a stand-in, and blocks would look like real pixels.
        stored = sample_smooth(tile_slots.y, ancestor_position, ancestor_facts.xy, ancestor_facts.z);
    }
    if (tile_slots.x >= 0) {
        stored = mix(stored, tile_texel(), has_ancestor ? tile_facts.w : 1.0);
    } else if (tile_slots.x == FAILED_TILE) {
        stored = failed_mark(stored, gl_FragCoord.xy);
    }
    return stored;
#else
    return tile_texel();
#endif
}

void main() {
    vec3 colour = over_background(stored_value());
#ifdef DEBUG
    colour = with_debug_marks(colour, rect_position_px, rect_size_px, tile_tint);
#endif
    fragment = vec4(colour, 1.0);
}
