// failed.glsl - marks a tile that could not be decoded, over whatever coarser picture there is: diagonal stripes,
// so that the mark does not rest on colour alone.

const int FAILED_TILE = -2;           // gpu.renderer.FAILED_TILE
const float STRIPE_PX = 8.0;
const vec4 STRIPE_DARK = vec4(0.25, 0.25, 0.25, 1.0);
const vec4 STRIPE_LIGHT = vec4(0.75, 0.75, 0.75, 1.0);

vec4 failed_mark(vec4 underneath, vec2 fragment_px) {
    bool dark = mod(fragment_px.x + fragment_px.y, 2.0 * STRIPE_PX) < STRIPE_PX;
    return mix(underneath, dark ? STRIPE_DARK : STRIPE_LIGHT, 0.5);
}
