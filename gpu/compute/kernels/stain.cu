// Optical density and amounts of three stains in every pixel, in one pass over the pixels. The twin is separate_stains
// in gpu/compute/stain.py.

typedef long long int64;

// rgb, densities and amounts: three planes of ``pixels`` each; density: of each of 256 values in each plane;
// stains_from_density: row by row.
extern "C" __global__ void separate_stains(
    const unsigned char* rgb, const float* density, const float* stains_from_density, int64 pixels, float* densities,
    float* amounts
) {
    for (int64 i = (int64)blockIdx.x * blockDim.x + threadIdx.x; i < pixels; i += (int64)gridDim.x * blockDim.x) {
        float red = density[rgb[i]];
        float green = density[256 + rgb[pixels + i]];
        float blue = density[512 + rgb[2 * pixels + i]];
        densities[i] = red;
        densities[pixels + i] = green;
        densities[2 * pixels + i] = blue;
        for (int stain = 0; stain < 3; stain++) {
            const float* row = stains_from_density + 3 * stain;
            amounts[stain * pixels + i] = row[0] * red + row[1] * green + row[2] * blue;
        }
    }
}
