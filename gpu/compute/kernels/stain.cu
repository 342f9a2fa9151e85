// Amounts of three stains in every pixel, and per patch their means and mean squares, in one pass over the pixels.
// The twin is gpu/compute/stain.py: optical_density, separate, patch_means. One block is one square patch.

#ifndef BLOCK
#define BLOCK 256
#endif
#define SUMS 6

typedef long long int64;

// rgb: three planes; density: of each of 256 values in each plane; stains_from_density: row by row. amounts: three
// planes; statistics: means, then mean squares, of three stains, each (rows, columns).
extern "C" __global__ void stain_patches(
    const unsigned char* rgb, const float* density, const float* stains_from_density, int width_px, int height_px,
    int patch_px, float* amounts, float* statistics
) {
    __shared__ float sums[SUMS][BLOCK];
    int columns = width_px / patch_px;
    int patches = columns * (height_px / patch_px);
    int64 plane_px = (int64)width_px * height_px;
    int64 corner = (int64)(blockIdx.x / columns) * patch_px * width_px + (int64)(blockIdx.x % columns) * patch_px;
    float mine[SUMS] = {0, 0, 0, 0, 0, 0};
    for (int i = threadIdx.x; i < patch_px * patch_px; i += blockDim.x) {
        int64 pixel = corner + (int64)(i / patch_px) * width_px + i % patch_px;
        float red = density[rgb[pixel]];
        float green = density[256 + rgb[plane_px + pixel]];
        float blue = density[512 + rgb[2 * plane_px + pixel]];
        for (int stain = 0; stain < 3; stain++) {
            const float* row = stains_from_density + 3 * stain;
            float amount = row[0] * red + row[1] * green + row[2] * blue;
            amounts[stain * plane_px + pixel] = amount;
            mine[stain] += amount;
            mine[3 + stain] += amount * amount;
        }
    }
    for (int sum = 0; sum < SUMS; sum++) sums[sum][threadIdx.x] = mine[sum];
    __syncthreads();
    // Halves are added in one fixed order: the same picture gives the same numbers.
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half)
            for (int sum = 0; sum < SUMS; sum++) sums[sum][threadIdx.x] += sums[sum][threadIdx.x + half];
        __syncthreads();
    }
    for (int sum = threadIdx.x; sum < SUMS; sum += blockDim.x)
        statistics[(int64)sum * patches + blockIdx.x] = sums[sum][0] / (patch_px * patch_px);
}
