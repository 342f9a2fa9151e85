// overlay.frag - likeness over one pixel of the slide, premultiplied: analysed patches in colour and clear at 0,
// estimated ones dotted, patches that were not analysed hatched. SMOOTH, CONTOURS, FLASHLIGHT, LEVELS
// and, where patches in view were not analysed, PATTERNS are defined by
// gpu.overlay only where a layer needs them: software OpenGL runs both sides of a branch.
// With LEVELS the score of a patch is one of three codes: viewer/overlay/attention_look.py composes them in the same way;
// a patch of the code 0 is glass, which is clear and is not blended with its neighbours.
#include "colour_map.glsl"

// r: score times weight, g: weight; 1 analysed, about a half estimated, 0 not analysed. Premultiplied, so that
// the sum of neighbours by weight over the sum of their weights leaves out what was not analysed.
uniform sampler2D field;
uniform vec2 first_patch;                  // whole numbers
uniform vec2 framebuffer_px;
uniform vec2 origin_px;
uniform float pixel_ratio;
uniform float opacity;
uniform float threshold;
#ifdef FLASHLIGHT
uniform vec3 flashlight_px;                // x, y, radius
#endif

#ifdef LEVELS
uniform sampler2D regions;                 // as field, and so are the tokens
uniform sampler2D tokens;
uniform vec3 level_weights;                // of regions, patches, tokens
#endif

in vec2 patch_position;

out vec4 fragment;

const float FAINT_BELOW = 0.1;             // from here down to 0 the colour fades out, as glass does
const float KNOWN = 0.75;
const float BETWEEN_DOTS = 0.45;
const float DOT_STEP = 5.0;
const float DOT_RADIUS = 1.6;
const float HATCH_STEP = 12.0;
const float HATCH_WIDTH = 1.5;
const float LEAST_HATCH_OPACITY = 0.4;    // "not analysed" must not fade away with the colours
const float CONTOUR_HALF_WIDTH = 0.8;
const vec3 CONTOUR_COLOUR = vec3(0.04);

// Screen-space, so that it is as dense at any zoom: a dark line beside a light one shows on any tissue.
vec4 hatch(vec2 at) {
    float along = mod(at.x + at.y, HATCH_STEP);
    float alpha = along < 2.0 * HATCH_WIDTH ? 0.6 : 0.0;
    return vec4(vec3(along < HATCH_WIDTH ? 0.2 : 0.9) * alpha, alpha);
}

float dots(vec2 at) {
    return length(mod(at, DOT_STEP) - 0.5 * DOT_STEP) < DOT_RADIUS ? 1.0 : BETWEEN_DOTS;
}

#ifdef LEVELS
const float SIDE = 16.0;                   // patches of a region, tokens of a patch
const float MIDDLE = 128.0 / 255.0;
const float FAINT_CODE = 8.0 / 255.0;      // from here down to 0 a token that is a factor makes all of it nothing
const float TOKENS_COUNT = 0.25;           // from this weight on a patch without tokens is not all that was asked

vec2 sum_in(sampler2D level, vec2 at) {
#ifdef SMOOTH
    return texture(level, at / vec2(textureSize(level, 0))).rg;
#else
    return texelFetch(level, clamp(ivec2(floor(at)), ivec2(0), textureSize(level, 0) - 1), 0).rg;
#endif
}

float with_other_levels(float patch_code, vec2 token) {
    vec2 region = sum_in(regions, (patch_position + first_patch) / SIDE);
    vec3 codes = vec3(region.r / max(region.g, 1.0 / 1024.0), patch_code, token.r / max(token.g, 1.0 / 1024.0));
    vec3 beyond = codes - MIDDLE;
    float counted = min(4.0 * token.g, 1.0);   // none where none is known; where the own is, token.g is 0.25 or more
    beyond.z *= counted;
    float nothing = (1.0 - min(codes.z / FAINT_CODE, 1.0)) * clamp(2.0 * level_weights.z - 1.0, 0.0, 1.0) * counted;
    return clamp(MIDDLE + dot(level_weights, beyond), 0.0, 1.0) * (1.0 - nothing);
}
#endif

#ifdef CONTOURS
// Bilinear in full floats: the texture unit blends bytes, which would put steps into the lines.
float exact_likeness() {
    ivec2 last = textureSize(field, 0) - 1;
    vec2 from_centre = patch_position - 0.5;
    ivec2 low = ivec2(floor(from_centre) + first_patch);
    vec2 part = fract(from_centre);
    vec2 a = texelFetch(field, clamp(low, ivec2(0), last), 0).rg;
    vec2 b = texelFetch(field, clamp(low + ivec2(1, 0), ivec2(0), last), 0).rg;
    vec2 c = texelFetch(field, clamp(low + ivec2(0, 1), ivec2(0), last), 0).rg;
    vec2 d = texelFetch(field, clamp(low + ivec2(1, 1), ivec2(0), last), 0).rg;
    vec2 sum = mix(mix(a, b, part.x), mix(c, d, part.x), part.y);
    return sum.r / max(sum.g, 1.0 / 1024.0);
}

// How much of the pixel a line covers; the slope of the field turns likeness into pixels.
float line_at(float likeness, float level, float slope) {
    return clamp(CONTOUR_HALF_WIDTH * pixel_ratio + 0.5 - abs(likeness - level) / slope, 0.0, 1.0);
}

float contour(float likeness) {
    float slope = max(length(vec2(dFdx(likeness), dFdy(likeness))), 1e-6);
    float level = clamp(floor(likeness * 4.0 + 0.5) / 4.0, 0.25, 0.75);
    float line = level < threshold ? 0.0 : line_at(likeness, level, slope);
    return threshold > 0.0 ? max(line, line_at(likeness, threshold, slope)) : line;
}
#endif

void main() {
    vec2 here_px = vec2(gl_FragCoord.x, framebuffer_px.y - gl_FragCoord.y);
#if defined(PATTERNS) || defined(LEVELS) || !defined(SMOOTH)
    ivec2 own_patch = clamp(ivec2(floor(patch_position) + first_patch), ivec2(0), textureSize(field, 0) - 1);
    vec2 own = texelFetch(field, own_patch, 0).rg;
#endif
#ifdef SMOOTH
    vec2 sum = texture(field, (patch_position + first_patch) / vec2(textureSize(field, 0))).rg;
    float likeness = min(sum.r / max(sum.g, 1.0 / 1024.0), 1.0);
#else
    float likeness = min(own.r / max(own.g, 1.0 / 1024.0), 1.0);
#endif
#ifdef LEVELS
    vec2 token = sum_in(tokens, (patch_position + first_patch) * SIDE);
    likeness = with_other_levels(likeness, token);
#endif
    float alpha = likeness < threshold ? 0.0 : clamp(likeness / FAINT_BELOW, 0.0, 1.0);
#ifdef LEVELS
    alpha = own.r > 0.0 ? alpha : 0.0;
#endif
#ifdef PATTERNS
    vec2 pattern = (here_px + origin_px) / pixel_ratio;
    bool whole = own.g > KNOWN;
#ifdef LEVELS
    float tokens_known = texelFetch(tokens, own_patch * int(SIDE), 0).g;
    whole = (whole || level_weights.x + level_weights.y == 0.0) && (level_weights.z < TOKENS_COUNT || tokens_known > 0.5);
#endif
    alpha *= whole ? 1.0 : dots(pattern);
#endif
    vec4 colour = vec4(likeness_colour(likeness) * alpha, alpha);
#ifdef CONTOURS
    colour = mix(colour, vec4(CONTOUR_COLOUR, 1.0), contour(exact_likeness()));
#endif
    colour *= opacity;
#ifdef PATTERNS
    colour = own.g > 0.0 ? colour : max(opacity, LEAST_HATCH_OPACITY) * hatch(pattern);
#endif
#ifdef FLASHLIGHT
    colour *= clamp(flashlight_px.z - distance(here_px, flashlight_px.xy) + 0.5, 0.0, 1.0);
#endif
    fragment = colour;
}
