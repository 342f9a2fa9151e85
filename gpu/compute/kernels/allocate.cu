// Shares a budget of tokens among regions: the same integers as solve_tokens in gpu/compute/allocate.py, its torch twin,
// where the rules are explained. Five kernels, one after the other on one stream:
//   allocate_count    what each region asks for, counted by level of relevance and steps held (one bin each)
//   allocate_solve    one block: the price, and what each bin gets at that price
//   allocate_tied     regions on the price itself, of which only some can have one step more: how many in each block
//   allocate_offsets  one block: how many lie before each block
//   allocate_share    the tokens
// The first step is 64 tokens and costs 4 units, each further one is 16 tokens and costs 1.

#define STEPS 22
#define COLUMNS (STEPS + 1)
#define LEVELS 4096
#define FREE_ROW 0
#define STEP_TOKENS 16
#define FIRST_TOKENS 64
#define FIRST_COST 4
#define GOLDEN 2654435769u

#ifndef BLOCK
#define BLOCK 256
#define SOLVE_BLOCK 1024
#endif

typedef long long int64;
typedef unsigned long long uint64;

__device__ int level_of(float relevance, float floor_relevance) {
    // fmaxf passes the floor on where the relevance is not a number.
    return (int)rintf(fminf(fmaxf(relevance, floor_relevance), 1.0f) * LEVELS);
}

__device__ int steps_of(int tokens) {
    int steps = tokens / STEP_TOKENS - (FIRST_TOKENS / STEP_TOKENS - 1);
    return steps < 0 ? 0 : (steps > STEPS ? STEPS : steps);
}

__device__ int cost_of(int steps) { return steps == 0 ? 0 : steps + FIRST_COST - 1; }

// How many steps are worth the price: slopes fall, so that these are the first ones.
__device__ int worth(int64 price, int64 level_tenths, const int* slopes) {
    int low = 0, high = STEPS;
    while (low < high) {
        int middle = (low + high) / 2;
        if (slopes[middle] * level_tenths >= price) low = middle + 1;
        else high = middle;
    }
    return low;
}

extern "C" __global__ void allocate_count(
    const float* relevance, const unsigned short* past, int regions, float floor_relevance, int floor_level,
    uint64 seats, int* bins, int* counts
) {
    // Most regions of a slide lie at the floor: those are counted in shared memory first.
    __shared__ int at_floor[2 * COLUMNS];
    for (int i = threadIdx.x; i < 2 * COLUMNS; i += blockDim.x) at_floor[i] = 0;
    __syncthreads();
    for (int64 i = (int64)blockIdx.x * blockDim.x + threadIdx.x; i < regions; i += (int64)gridDim.x * blockDim.x) {
        int row = level_of(relevance[i], floor_relevance);
        bool floor_only = row <= floor_level;
        if (floor_only && (unsigned)i * GOLDEN >= seats) row = FREE_ROW;
        int held = past ? steps_of(past[i]) : 0;
        bins[i] = row * COLUMNS + held;
        if (floor_only) atomicAdd(&at_floor[(row == FREE_ROW ? 0 : COLUMNS) + held], 1);
        else atomicAdd(&counts[bins[i]], 1);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < 2 * COLUMNS; i += blockDim.x) {
        int row = i < COLUMNS ? FREE_ROW : floor_level;
        if (at_floor[i]) atomicAdd(&counts[row * COLUMNS + i % COLUMNS], at_floor[i]);
    }
}

struct Problem {
    const int* counts;
    const int* slopes;
    int floor_level, kept_tenths, new_tenths, columns_used;
    int least, most;
};

// Steps that each level finds worth the price, without and with the bonus for what was held before.
struct Worth {
    unsigned char fresh[LEVELS + 1];
    unsigned char kept[LEVELS + 1];
};

__device__ void worth_of_levels(const Problem& problem, int64 price, Worth& worths) {
    for (int row = threadIdx.x; row <= LEVELS; row += blockDim.x) {
        int64 level = row == FREE_ROW ? problem.floor_level : row;
        worths.fresh[row] = worth(price, level * problem.new_tenths, problem.slopes);
        worths.kept[row] = worth(price, level * problem.kept_tenths, problem.slopes);
    }
    __syncthreads();
}

__device__ int taken(const Problem& problem, const Worth& worths, int row, int held) {
    int steps = held > worths.fresh[row] ? held : worths.fresh[row];
    steps = steps < worths.kept[row] ? steps : worths.kept[row];
    int least = row == FREE_ROW ? 0 : problem.least;
    steps = steps > least ? steps : least;
    return steps < problem.most ? steps : problem.most;
}

// The same for all threads of the block, which must all call it.
__device__ int64 cost_at(const Problem& problem, int64 price, Worth& worths, uint64* total) {
    if (threadIdx.x == 0) *total = 0;
    worth_of_levels(problem, price, worths);
    uint64 mine = 0;
    for (int i = threadIdx.x; i < (LEVELS + 1) * problem.columns_used; i += blockDim.x) {
        int row = i / problem.columns_used, held = i % problem.columns_used;
        int number = problem.counts[row * COLUMNS + held];
        if (number) mine += (uint64)number * cost_of(taken(problem, worths, row, held));
    }
    if (mine) atomicAdd(total, mine);
    __syncthreads();
    int64 cost = (int64)*total;
    __syncthreads();
    return cost;
}

// answer: price, scarce, tied, granted.
extern "C" __global__ void allocate_solve(
    const int* counts, const int* slopes, int floor_level, int kept_tenths, int new_tenths, int columns_used, int most,
    int64 budget, unsigned char* table, unsigned char* ties, int64* answer
) {
    __shared__ Worth worths, cheaper;
    __shared__ uint64 total;
    __shared__ int tied[STEPS];
    __shared__ int granted[STEPS];
    Problem problem = {counts, slopes, floor_level, kept_tenths, new_tenths, columns_used, 1, most};
    int64 low = 0, high = (int64)LEVELS * slopes[0] * 11 + 1;  // a price that no step is worth
    bool scarce = cost_at(problem, high, worths, &total) > budget;
    if (scarce) {
        problem.least = 0;
        problem.most = 1;
    }
    while (high - low > 1) {
        int64 middle = (low + high) / 2;
        if (cost_at(problem, middle, worths, &total) <= budget) high = middle;
        else low = middle;
    }
    int64 left = budget - cost_at(problem, high, worths, &total);
    worth_of_levels(problem, high - 1, cheaper);
    for (int step = threadIdx.x; step < STEPS; step += blockDim.x) tied[step] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < (LEVELS + 1) * columns_used; i += blockDim.x) {
        int row = i / columns_used, held = i % columns_used;
        int steps = taken(problem, worths, row, held);
        int number = counts[row * COLUMNS + held];
        if (number && taken(problem, cheaper, row, held) > steps) atomicAdd(&tied[steps], number);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        answer[0] = high;
        answer[1] = scarce;
        answer[2] = answer[3] = 0;
        // The cheap steps first, the first one, which costs more, last. At most one is granted to a part of its
        // regions: one unit fewer than asked for leaves nothing for those that follow.
        for (int n = 1; n <= STEPS; n++) {
            int step = n % STEPS;
            int64 cost = cost_of(step + 1) - cost_of(step);
            int64 given = left / cost < tied[step] ? left / cost : tied[step];
            left -= given * cost;
            granted[step] = (int)given;
            if (given && given < tied[step]) {
                answer[2] = tied[step];
                answer[3] = given;
            }
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < (LEVELS + 1) * columns_used; i += blockDim.x) {
        int row = i / columns_used, held = i % columns_used, bin = row * COLUMNS + held;
        int steps = taken(problem, worths, row, held);
        bool wants = taken(problem, cheaper, row, held) > steps;
        bool some = wants && granted[steps] > 0;
        bool all = some && granted[steps] == tied[steps];
        table[bin] = steps + all;
        ties[bin] = some && !all;
    }
}

extern "C" __global__ void allocate_tied(
    const int* bins, const unsigned char* ties, int regions, int* before
) {
    __shared__ int number;
    if (threadIdx.x == 0) number = 0;
    __syncthreads();
    int64 i = (int64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < regions && ties[bins[i]]) atomicAdd(&number, 1);
    __syncthreads();
    if (threadIdx.x == 0) before[blockIdx.x] = number;
}

// Inclusive sums of one number per thread of the block; sums holds blockDim.x numbers.
__device__ int running_sum(int* sums, int mine) {
    sums[threadIdx.x] = mine;
    __syncthreads();
    for (int width = 1; width < blockDim.x; width *= 2) {
        int earlier = threadIdx.x >= width ? sums[threadIdx.x - width] : 0;
        __syncthreads();
        sums[threadIdx.x] += earlier;
        __syncthreads();
    }
    return sums[threadIdx.x];
}

extern "C" __global__ void allocate_offsets(int* before, int blocks) {
    __shared__ int sums[SOLVE_BLOCK];
    int each = (blocks + blockDim.x - 1) / blockDim.x;
    int first = threadIdx.x * each, mine = 0;
    for (int i = first; i < first + each && i < blocks; i++) mine += before[i];
    int offset = running_sum(sums, mine) - mine;
    for (int i = first; i < first + each && i < blocks; i++) {
        int number = before[i];
        before[i] = offset;
        offset += number;
    }
}

extern "C" __global__ void allocate_share(
    const int* bins, const unsigned char* table, const unsigned char* ties, const int* before, const int64* answer,
    int regions, unsigned short* tokens
) {
    __shared__ int sums[BLOCK];
    int64 i = (int64)blockIdx.x * blockDim.x + threadIdx.x;
    int bin = i < regions ? bins[i] : 0;
    int mine = i < regions ? ties[bin] : 0;
    int64 rank = before[blockIdx.x] + running_sum(sums, mine) - mine;
    if (i >= regions) return;
    int steps = table[bin];
    if (mine) steps += (int)((rank + 1) * answer[3] / answer[2] - rank * answer[3] / answer[2]);
    tokens[i] = steps == 0 ? 0 : FIRST_TOKENS + (steps - 1) * STEP_TOKENS;
}
