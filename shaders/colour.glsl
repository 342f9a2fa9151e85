// colour.glsl - from stored pixel values to what the reader sees. All values are 0..1, in display encoding.
//
// 1. ICC, where on:   c = table[r][g][b], trilinear; the table's first and last entries stand for 0 and 1, so with n
//                     entries the coordinate is (c * (n - 1) + 0.5) / n. The table lies in memory as [r][g][b], hence
//                     b is the texture's x, g its y and r its z.
// 2. The reader's adjustment, last, where it is not neutral:
//                     c = clamp((c - 0.5) * contrast + 0.5 + brightness, 0, 1) ^ (1 / gamma)
// 3. Transparent pixels: stored values are premultiplied by alpha. 1 and 2 see the colour divided by alpha; the
//                     background, which is not adjusted, shows through the rest.

#ifdef ICC
uniform sampler3D icc_table;
uniform float icc_entries;
#endif
#ifdef ADJUST
uniform float brightness;
uniform float contrast;
uniform float inverse_gamma;
#endif
uniform vec3 background;

vec3 display_colour(vec3 colour) {
#ifdef ICC
    colour = textureLod(icc_table, (colour.bgr * (icc_entries - 1.0) + 0.5) / icc_entries, 0.0).rgb;
#endif
#ifdef ADJUST
    colour = clamp((colour - 0.5) * contrast + 0.5 + brightness, 0.0, 1.0);
    colour = pow(colour, vec3(inverse_gamma));
#endif
    return colour;
}

vec3 over_background(vec4 premultiplied) {
    float alpha = premultiplied.a;
#if defined(ICC) || defined(ADJUST)
    vec3 colour = display_colour(premultiplied.rgb / max(alpha, 1.0 / 255.0)) * alpha;
#else
    vec3 colour = premultiplied.rgb;
#endif
    return colour + background * (1.0 - alpha);
}
