// sampling.glsl - reads one layer of the tile array so that nothing outside the tile's valid pixels is ever seen.
//
// Positions and sizes are in texels of mip 0. A tile smaller than its layer has mips of ceil(size / 2^mip) texels,
// anchored at the layer's first texel, so position / 2^mip holds at every mip.

uniform sampler2DArray tiles;    // min filter LINEAR_MIPMAP_NEAREST: an integer lod reads exactly one mip, bilinearly
uniform float layer_px;
uniform float max_mip;

vec4 sample_mip(int slot, vec2 position, vec2 size, float mip) {
    float scale = exp2(mip);
    // Half a texel inside the last valid one: bilinear weights of what lies beyond are then zero.
    vec2 last = (ceil(size / scale) - 0.5) * scale;
    vec2 inside = clamp(position, vec2(0.5 * scale), last);
    return textureLod(tiles, vec3(inside / layer_px, float(slot)), mip);
}

// Trilinear. The two mips are sampled one by one because each needs its own clamp: one clamp for both would either
// bleed at the coarser mip or flatten half a texel of the coarser mip at the finer one, which shows as a seam.
vec4 sample_smooth(int slot, vec2 position, vec2 size, float lod) {
    float within = clamp(lod, 0.0, max_mip);
    float finer = floor(within);
    float blend = within - finer;
    vec4 texel = sample_mip(slot, position, size, finer);
    if (blend > 0.0) {
        texel = mix(texel, sample_mip(slot, position, size, finer + 1.0), blend);
    }
    return texel;
}

vec4 sample_nearest(int slot, vec2 position, vec2 size) {
    ivec2 texel = ivec2(clamp(floor(position), vec2(0.0), size - 1.0));
    return texelFetch(tiles, ivec3(texel, slot), 0);
}
