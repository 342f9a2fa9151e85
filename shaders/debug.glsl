// debug.glsl - the debug view: a tint per tile (its level, say) and a border line of two framebuffer pixels per seam.

const float BORDER_PX = 1.0;
const vec3 BORDER_COLOUR = vec3(1.0, 0.0, 1.0);

vec3 with_debug_marks(vec3 colour, vec2 position_px, vec2 size_px, vec4 tint) {
    colour = mix(colour, tint.rgb, tint.a);
    vec2 to_edge = min(position_px, size_px - position_px);
    return min(to_edge.x, to_edge.y) < BORDER_PX ? BORDER_COLOUR : colour;
}
