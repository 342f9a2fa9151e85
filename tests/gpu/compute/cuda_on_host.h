// Enough of CUDA for kernels to run on a processor: the threads of a block are threads here, blocks take turns.
#include <atomic>
#include <barrier>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>

struct Index { int x; };
static thread_local Index threadIdx, blockIdx;
static Index blockDim, gridDim;
static std::unique_ptr<std::barrier<>> block_barrier;

#define __global__
#define __device__ static inline
#define __shared__ static
#define BLOCK 8
#define SOLVE_BLOCK 8

static void __syncthreads() { block_barrier->arrive_and_wait(); }
template <class T, class U> static T atomicAdd(T* where, U what) { return std::atomic_ref<T>(*where).fetch_add(what); }

template <class Kernel, class... Arguments>
static void launch(Kernel kernel, int blocks, int threads, Arguments... arguments) {
    blockDim.x = threads;
    gridDim.x = blocks;
    block_barrier = std::make_unique<std::barrier<>>(threads);
    std::vector<std::thread> running;
    for (int thread = 0; thread < threads; thread++)
        running.emplace_back([=] {
            threadIdx.x = thread;
            for (int block = 0; block < blocks; block++) {
                blockIdx.x = block;
                kernel(arguments...);
                block_barrier->arrive_and_wait();
            }
        });
    for (auto& thread : running) thread.join();
}
