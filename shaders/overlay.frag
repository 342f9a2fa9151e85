// overlay.frag - likeness over one pixel of the slide, premultiplied: analysed patches in colour and clear at 0,
// estimated ones dotted, patches that were not analysed hatched. FILL, OUTLINES, SMOOTH, TISSUE, ALL_TISSUE,
// OFF_TISSUE, CONTOURS, FLASHLIGHT, LEVELS and, where patches in view were not analysed, PATTERNS are defined by
// gpu.gl.field_renderer only where a part of a view needs them: software OpenGL runs both sides of a branch. TISSUE is
// for parts with an edge of the tissue, ALL_TISSUE for those inside of it, where nothing is kept out.
// With LEVELS the score of a patch is one of three codes: viewer/overlay/attention_look.py composes them in the same way.
// Glass is clear and is not blended with its neighbours. A score belongs to its patch, but colour on the white beside
// the tissue, or in a lumen, would say that something was found there: where values are blended (SMOOTH) the colour
// keeps to the tissue within each patch. White narrower than a fat cell has half of it, or fat would have none.
#include "colour_map.glsl"

// r: score times weight, g: weight; 1 analysed, 239 to 254/255 where no tissue was found in the patch, about a half estimated,
// 1/255 glass that scores 0, 0 not analysed. Premultiplied, so that
// the sum of neighbours by weight over the sum of their weights leaves out what was not analysed.
uniform sampler2D field;
uniform vec2 first_patch;                  // whole numbers
uniform vec2 framebuffer_px;
uniform vec2 origin_px;
uniform float pixel_ratio;
uniform float opacity;
uniform float threshold;
uniform vec2 place_line;                   // factor and summand from likeness to place: 0 the first colour, 1 the last
#ifdef FILL
uniform float fill;                        // the opacity, and less as patches grow large on the screen
#endif
#ifdef OUTLINES
uniform float outlines;                    // 0, and more as the fill fades
uniform vec2 patch_px;                     // a patch in framebuffer pixels
#endif
#ifdef TISSUE
uniform sampler2D tissue;                  // over the whole slide: viewer/overlay/tissue.py
#endif
#ifdef FLASHLIGHT
uniform vec3 flashlight_px;                // x, y, radius
#endif

#ifdef LEVELS
uniform sampler2D regions;                 // as field, and so are the tokens
uniform sampler2D tokens;
uniform vec3 level_weights;                // of regions, patches, tokens
#endif

#if !defined(SMOOTH) || !(defined(TISSUE) || defined(ALL_TISSUE)) || defined(PATTERNS) || defined(LEVELS) || defined(OUTLINES) || defined(OFF_TISSUE)
#define OWN                                // else no patch stands out, and the tissue leaves out glass
#endif

noperspective in vec2 patch_position;
noperspective in vec2 in_field;
#ifdef LEVELS
noperspective in vec2 in_regions;
#endif
#ifdef TISSUE
noperspective in vec2 in_slide;
#endif

out vec4 fragment;

const float FAINT_BELOW = 0.1;             // from here down to 0 the colour fades out, as glass does
const float PER_FAINT = 1.0 / FAINT_BELOW;
const float KNOWN = 0.75;
const float ON_TISSUE = 254.5 / 255.0;
const float PER_FADE = 4.0;                // colour off the tissue is full a quarter of a patch within
const float GLASS = 1.5 / 255.0;
const float BETWEEN_DOTS = 0.45;
const float DOT_STEP = 5.0;
const float DOT_RADIUS = 1.6;
const float MARK_STEP = 10.0;              // every second dot of every second row: marks lie within dots
const float MARK_RADIUS = 1.1;
const vec4 MARK = vec4(vec3(0.25), 1.0) * 0.6;
const float HATCH_STEP = 12.0;
const float HATCH_WIDTH = 1.5;
const float LEAST_HATCH_OPACITY = 0.4;    // "not analysed" must not fade away with the colours
const float CONTOUR_HALF_WIDTH = 0.8;
const float HALO_WIDTH = 1.2;              // beside a line on each side: light by a dark colour, dark by a light one
const vec3 DARK = vec3(0.04);
const vec3 LIGHT = vec3(0.96);
const vec3 LUMA = vec3(0.3, 0.6, 0.1);
const float FAR = 1000.0;                  // from a line that is not drawn, in likeness
const float LEAST_SLOPE = 1e-12;           // squared; less is a patch alone on glass: one value everywhere is no line
const float BEST = 0.5;                    // from this place in the range on patches are outlined
const vec3 OUTLINE = vec3(1.0, 3.0, 4.0);  // from a patch's edge inwards: dark, in its colour, dark, in logical pixels

// Screen-space, so that it is as dense at any zoom: a dark line beside a light one shows on any tissue.
vec4 hatch(vec2 at) {
    float along = mod(at.x + at.y, HATCH_STEP);
    float alpha = along < 2.0 * HATCH_WIDTH ? 0.6 : 0.0;
    return vec4(vec3(along < HATCH_WIDTH ? 0.2 : 0.9) * alpha, alpha);
}

float dots(vec2 at) {
    return length(mod(at, DOT_STEP) - 0.5 * DOT_STEP) < DOT_RADIUS ? 1.0 : BETWEEN_DOTS;
}

// Estimated patches on white and where the colour is clear, which would else be taken for analysed.
vec4 marks(vec2 at) {
    return length(mod(at, MARK_STEP) - 0.5 * DOT_STEP) < MARK_RADIUS ? MARK : vec4(0.0);
}

float place_of(float likeness) {
    return likeness * place_line.x + place_line.y;   // beyond the ends of the map as at its ends
}

#ifdef LEVELS
const float SIDE = 16.0;                   // patches of a region, tokens of a patch
const int SIDE_BITS = 4;                   // of that number
const float MIDDLE = 128.0 / 255.0;
const float PER_FAINT_CODE = 255.0 / 8.0;  // from a code of 8 down to 0 a token that is a factor makes all of it nothing
const float TOKENS_COUNT = 0.25;           // from this weight on a patch without tokens is not all that was asked

float with_other_levels(float patch_code, vec2 region, vec2 token) {
    vec3 codes = vec3(region.r / max(region.g, 1.0 / 1024.0), patch_code, token.r / max(token.g, 1.0 / 1024.0));
    vec3 beyond = codes - MIDDLE;
    float counted = min(4.0 * token.g, 1.0);   // none where none is known; where the own is, token.g is 0.25 or more
    beyond.z *= counted;
    float nothing = (1.0 - min(codes.z * PER_FAINT_CODE, 1.0)) * clamp(2.0 * level_weights.z - 1.0, 0.0, 1.0) * counted;
    return clamp(MIDDLE + dot(level_weights, beyond), 0.0, 1.0) * (1.0 - nothing);
}
#endif

#ifdef CONTOURS
vec2 but_glass(int column, int row) {
    vec2 sum = texelFetch(field, ivec2(column, row), 0).rg;
    return sum.g < GLASS ? vec2(0.0) : sum;
}

// Bilinear in full floats: the texture unit blends bytes, which would put steps into the lines.
float exact_likeness() {
    vec2 from_centre = patch_position - 0.5;
    ivec2 last = textureSize(field, 0) - 1;
    ivec2 low = ivec2(floor(from_centre) + first_patch);
    ivec2 high = min(low + 1, last);
    low = max(low, 0);
    vec2 part = fract(from_centre);
    vec2 a = but_glass(low.x, low.y);
    vec2 b = but_glass(high.x, low.y);
    vec2 c = but_glass(low.x, high.y);
    vec2 d = but_glass(high.x, high.y);
    vec2 sum = mix(mix(a, b, part.x), mix(c, d, part.x), part.y);
    return sum.r / max(sum.g, 1.0 / 1024.0);
}

// A line in the colour of its level, which the same legend explains, with a halo that shows on nuclei and on white;
// the slope of the field turns likeness into pixels.
vec4 contour(float likeness) {
    vec2 change = vec2(dFdx(likeness), dFdy(likeness));
    float squared = dot(change, change);
    float pixels = inversesqrt(max(squared, LEAST_SLOPE));
    float level = clamp(floor(likeness * 4.0 + 0.5) * 0.25, 0.25, 0.75);
    float away = level < threshold ? FAR : abs(likeness - level);
    float from_threshold = threshold > 0.0 ? abs(likeness - threshold) : FAR;
    vec3 of_level = likeness_colour(place_of(from_threshold < away ? threshold : level));
    float edge = CONTOUR_HALF_WIDTH * pixel_ratio + 0.5 - min(away, from_threshold) * pixels;
    vec3 halo = dot(of_level, LUMA) < 0.5 ? LIGHT : DARK;
    float covered = clamp(edge + HALO_WIDTH * pixel_ratio, 0.0, 1.0);
    return vec4(mix(halo, of_level, clamp(edge, 0.0, 1.0)), squared < LEAST_SLOPE ? 0.0 : covered);
}
#endif

#ifdef OFF_TISSUE
// How much of its colour a patch has in which no tissue was found: all but towards its edges with others, to which
// blended colours have none there. Its weight holds the sides at which the next is one of these too.
float off_tissue(float weight) {
    ivec4 joined = (ivec4(255.0 * (ON_TISSUE - weight)) >> ivec4(0, 1, 2, 3)) & 1;   // left, above, right, below
    vec2 within = fract(patch_position);
    vec4 sides = max(clamp(vec4(within, 1.0 - within) * PER_FADE, 0.0, 1.0), vec4(joined));
    float inside = min(min(sides.x, sides.y), min(sides.z, sides.w));
    return weight > KNOWN && weight < ON_TISSUE ? inside : 0.0;
}
#endif

#ifdef OUTLINES
// The fill in small, where it would hide cells: the colour of a patch as a frame inside its edge.
vec4 outline(float likeness) {
    vec2 within = fract(patch_position);
    vec2 from_edge_px = min(within, 1.0 - within) * patch_px / pixel_ratio;
    vec3 covered = clamp(OUTLINE - min(from_edge_px.x, from_edge_px.y) + 0.5, 0.0, 1.0);
    vec3 colour = mix(DARK, likeness_colour(likeness), covered.y * (1.0 - covered.x));
    return vec4(colour, 1.0) * covered.z;
}
#endif

void main() {
    vec2 here_px = vec2(gl_FragCoord.x, framebuffer_px.y - gl_FragCoord.y);
#ifdef OWN
#if defined(LEVELS) && !defined(SMOOTH)
    ivec2 own_token = ivec2(floor(patch_position * SIDE) + first_patch * SIDE);
    own_token = clamp(own_token, ivec2(0), textureSize(tokens, 0) - 1);
    ivec2 own_patch = own_token >> SIDE_BITS;
#else
    ivec2 own_patch = clamp(ivec2(floor(patch_position) + first_patch), ivec2(0), textureSize(field, 0) - 1);
#endif
    vec2 own = texelFetch(field, own_patch, 0).rg;
#endif
#if defined(OWN) && (defined(SMOOTH) || defined(LEVELS) || defined(CONTOURS))
    bool is_glass = own.g < GLASS;         // nor is there a colour where nothing was analysed
#else
    const bool is_glass = false;           // it scores 0, which has no colour
#endif
    vec4 colour = vec4(0.0);
#ifdef TISSUE
    float coloured = max(2.0 * texture(tissue, in_slide).r - 1.0, 0.0);   // none beyond the edge of a pixel without tissue
#ifdef OFF_TISSUE
    coloured = max(coloured, off_tissue(own.g));
#endif
#else
    const float coloured = 1.0;
#endif
#ifdef PATTERNS
    vec2 pattern = (here_px + origin_px) / pixel_ratio;
    bool whole = own.g > KNOWN;
#ifdef LEVELS
    float tokens_known = texelFetch(tokens, own_patch << SIDE_BITS, 0).g;
    whole = (whole || level_weights.x + level_weights.y == 0.0) && (level_weights.z < TOKENS_COUNT || tokens_known > 0.5);
#endif
#endif
#ifdef CONTOURS
    float exact = exact_likeness();
#endif
#ifdef FILL
#if defined(SMOOTH) && defined(CONTOURS)
    float likeness = exact;
#elif defined(SMOOTH)
    vec2 sum = texture(field, in_field).rg;
    float likeness = sum.r / max(sum.g, 1.0 / 1024.0);
#else
    float likeness = own.r / max(own.g, 1.0 / 1024.0);
#endif
#ifdef LEVELS
#ifdef SMOOTH
    vec2 region = texture(regions, in_regions).rg;
    vec2 token = texture(tokens, in_field).rg;
#else
    vec2 region = texelFetch(regions, own_patch >> SIDE_BITS, 0).rg;
    vec2 token = texelFetch(tokens, own_token, 0).rg;
#endif
    likeness = with_other_levels(likeness, region, token);
#endif
    float place = place_of(likeness);
    float alpha = likeness < threshold || is_glass ? 0.0 : clamp(place * PER_FAINT, 0.0, 1.0);
#ifdef PATTERNS
    alpha *= whole ? 1.0 : dots(pattern);
#endif
    colour = vec4(likeness_colour(place), 1.0) * (alpha * (fill * coloured));
#endif
#ifdef CONTOURS
    vec4 line = contour(exact);
    colour = mix(colour, vec4(line.rgb, 1.0) * (opacity * coloured), is_glass ? 0.0 : line.a);
#endif
#ifdef OUTLINES
    float measured = own.r / max(own.g, 1.0 / 1024.0);
#ifdef LEVELS
    vec2 no_token = vec2(0.0);             // outlines are for patches
    measured = with_other_levels(measured, texelFetch(regions, own_patch >> SIDE_BITS, 0).rg, no_token);
#endif
    float measured_place = place_of(measured);
    bool best = own.g > KNOWN && measured >= threshold && measured_place >= BEST;
    vec4 frame = outline(measured_place) * (best ? outlines : 0.0);
    colour = colour * (1.0 - frame.a) + frame;
#endif
#ifdef PATTERNS
    float unmarked = whole || own.g < GLASS ? 0.0 : max(opacity, LEAST_HATCH_OPACITY) - colour.a;
    colour += marks(pattern) * max(unmarked, 0.0);
    colour = own.g > 0.0 ? colour : max(opacity, LEAST_HATCH_OPACITY) * hatch(pattern);
#endif
#ifdef FLASHLIGHT
    colour *= clamp(flashlight_px.z - distance(here_px, flashlight_px.xy) + 0.5, 0.0, 1.0);
#endif
    fragment = colour;
}
