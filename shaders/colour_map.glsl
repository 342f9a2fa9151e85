// colour_map.glsl - the colour of a likeness. Maps are the rows of one table, so that another map is another row.

uniform sampler2D colour_maps;
uniform int colour_map;

vec3 likeness_colour(float likeness) {
    return texelFetch(colour_maps, ivec2(int(likeness * 255.0 + 0.5), colour_map), 0).rgb;
}
