// foveation.glsl - how many octaves coarser than the display a picture may be at a distance from the gaze; the same
// function as viewer/view/acuity.py, which says where it comes from. A test holds the two together.

const float MAR0_DEG = 1.0 / 48.0;
const float MAR_SLOPE = 0.022;

float foveation_lod(float distance_px, float tangent_per_px, float radius_deg) {
    float eccentricity_deg = max(degrees(atan(distance_px * tangent_per_px)) - radius_deg, 0.0);
    float mar_deg = MAR0_DEG + MAR_SLOPE * eccentricity_deg;
    return max(log2(mar_deg / (2.0 * degrees(tangent_per_px))), 0.0);
}
