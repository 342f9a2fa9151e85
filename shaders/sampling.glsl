// sampling.glsl - reads one layer of the tile array so that nothing outside the tile's valid pixels is ever seen.
//
// Positions and sizes are in texels of mip 0. A tile smaller than its layer has mips of ceil(size / 2^mip) texels,
// anchored at the layer's first texel, so position / 2^mip holds at every mip. At the layer's own edges the texture
// unit clamps, exactly and per mip; only the inner edge of a partial tile (the slide's right or bottom border) is
// clamped here, half a texel inside both mips in use (for odd sizes either may be the stricter), so that no weight
// falls on what lies beyond.

uniform float layer_px;
uniform float max_mip;

// The largest position that may be sampled. Constant for a tile, hence worked out once per vertex.
vec2 last_position(vec2 size, float lod) {
    float within = clamp(lod, 0.0, max_mip);
    float coarser = exp2(ceil(within));
    float finer = exp2(floor(within));
    vec2 inner = min((ceil(size / coarser) - 0.5) * coarser, (ceil(size / finer) - 0.5) * finer);
    return mix(inner, vec2(layer_px), greaterThanEqual(size, vec2(layer_px)));
}

#ifdef FRAGMENT
uniform sampler2DArray tiles;
uniform bool nearest_when_magnified;

// Trilinear, by the tile's one known lod: implicit derivatives would break at tile borders.
vec4 sample_smooth(int slot, vec2 position, vec2 last, float lod) {
    return textureLod(tiles, vec3(min(position, last) / layer_px, float(slot)), lod);
}

// As sample_smooth, but magnified texels are squares: at a texel's centre bilinear weights are 1 and 0.
vec4 sample_texels(int slot, vec2 position, vec2 last, float lod) {
    vec2 centre = floor(position) + 0.5;
    return sample_smooth(slot, nearest_when_magnified && lod < 0.0 ? centre : position, last, lod);
}
#endif
