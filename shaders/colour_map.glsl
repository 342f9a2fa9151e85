// colour_map.glsl - the colour of a likeness. Maps are the rows of one table, so that another map is another row.

uniform sampler2D colour_maps;
uniform float colour_map_row;                // 0 to 1, the middle of a row

vec3 likeness_colour(float likeness) {
    return texture(colour_maps, vec2(likeness * (255.0 / 256.0) + 0.5 / 256.0, colour_map_row)).rgb;
}
