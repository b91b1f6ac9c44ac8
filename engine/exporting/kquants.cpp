// Q4_K, Q5_K and Q6_K, rounded for sixteen sub-blocks at a time; the bytes are ggml's.
//
// ggml searches the scale of a sub-block in 16 to 21 rounds of sums. Each sum is one addition after the other, and
// the processor waits four cycles for each. Here a vector holds one value of each of sixteen sub-blocks, so that an
// addition serves sixteen searches. Within a sub-block every operation is ggml's, in ggml's order, in single
// precision, and none are fused (-ffp-contract=off). Shapes: 256 values are a super-block; Q4_K and Q5_K have 8
// sub-blocks of 32 values in it, each with a scale and a minimum of 6 bits; Q6_K has 16 of 16 and scales of 8 bits.
//
// Needs the vector types of GCC and Clang. packaging/native.py builds it, kquants.py calls it.

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

constexpr int kLanes = 16;
constexpr int kSuper = 256;
constexpr int kQ4Bytes = 144, kQ5Bytes = 176, kQ6Bytes = 210;
typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef int32_t Ints __attribute__((vector_size(4 * kLanes)));

#define INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

// To the nearest integer, half to even, by the addition of 1.5 * 2^23: for what is no number, too, as ggml has it.
constexpr float kMagic = 12582912.f;
INLINE Ints nearest(Floats value) { return (((Ints)(value + kMagic)) & 0x007fffff) - 0x00400000; }
INLINE int nearest(float value) {
    value += kMagic;
    int32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return (bits & 0x007fffff) - 0x00400000;
}
INLINE Ints clamp(Ints value, int low, int high) {
    const Ints lowest = low - Ints{}, highest = high - Ints{};
    value = value < highest ? value : highest;
    return value > lowest ? value : lowest;
}
INLINE Floats floats(Ints value) { return __builtin_convertvector(value, Floats); }
INLINE Floats magnitude(Floats value) { return (Floats)((Ints)value & 0x7fffffff); }

// IEEE half precision, rounded to the nearest even.
INLINE uint16_t half(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) return sign | 0x7e00;
    if (bits >= 0x477ff000) return sign | 0x7c00;
    if (bits < 0x38800000) {  // below the smallest normal half: a multiple of 2^-24
        float small;
        std::memcpy(&small, &bits, sizeof small);
        small += 0.5f;  // the last bit of 0.5f is 2^-24
        std::memcpy(&bits, &small, sizeof bits);
        return sign | (bits - 0x3f000000);
    }
    bits += 0x0fff + (bits >> 13 & 1);
    return sign | ((bits - 0x38000000) >> 13);
}
INLINE float single(uint16_t value) {
    const uint32_t sign = uint32_t(value & 0x8000) << 16, rest = value & 0x7fff;
    if (rest < 0x400) {
        const float small = float(rest) * 0x1p-24f;
        return sign ? -small : small;
    }
    const uint32_t bits = sign | (rest >= 0x7c00 ? 0x7f800000 | (rest & 0x3ff) << 13 : (rest << 13) + 0x38000000);
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

// Sub-blocks that lie one after the other become vectors: of their first values, of their second values, and so on.
template <int width>
INLINE void spread(const float *values, Floats *x) {
    for (int i = 0; i < width; ++i)
        for (int lane = 0; lane < kLanes; ++lane) x[i][lane] = values[lane * width + i];
}

// And back.
template <int width>
INLINE void gather(const Ints *levels, uint8_t *result) {
    for (int i = 0; i < width; ++i)
        for (int lane = 0; lane < kLanes; ++lane) result[lane * width + i] = levels[i][lane];
}

// Scale and minimum of each lane: x = scale * level - minimum with levels from 0 to `most`, the best of several least
// squares. A value's weight is |x| plus the root of the mean square. Levels are guessed `rounds` + 1 times, with
// (most + first + 0.1 * round) steps from the lowest value to the highest; `levels` are those of the best guess.
template <int most>
INLINE void affine(const Floats *x, float first, int rounds, Floats &scale, Floats &minimum, Ints *levels) {
    constexpr int width = 32;
    const Floats zero = {};
    Floats squares = zero, weights[width], guess[width];
    for (int i = 0; i < width; ++i) squares += x[i] * x[i];
    squares /= 32.f;
    Floats typical;
    for (int lane = 0; lane < kLanes; ++lane) typical[lane] = __builtin_sqrtf(squares[lane]);
    for (int i = 0; i < width; ++i) weights[i] = typical + magnitude(x[i]);
    Floats low = x[0], high = x[0], sum_w = weights[0], sum_x = sum_w * x[0];
    for (int i = 1; i < width; ++i) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        sum_w += weights[i];
        sum_x += weights[i] * x[i];
    }
    low = low > zero ? zero : low;
    const Ints flat = high == low;
    const Floats lowest = low;
    Floats inverse = float(most) / (high - low);
    scale = 1.f / inverse;
    Floats best = zero, best_inverse = inverse, best_low = low;
    for (int i = 0; i < width; ++i) {
        const Floats level = floats(clamp(nearest(inverse * (x[i] - low)), 0, most));
        const Floats off = scale * level + low - x[i];
        best += weights[i] * (off * off);
    }
    for (int round = 0; round <= rounds; ++round) {
        inverse = (first + 0.1f * round + most) / (high - low);
        Floats sum_l = zero, sum_l2 = zero, sum_xl = zero;
        for (int i = 0; i < width; ++i) {
            const Floats level = floats(clamp(nearest(inverse * (x[i] - low)), 0, most));
            guess[i] = level;
            const Floats weighted = weights[i] * level;
            sum_l += weighted;
            sum_l2 += weighted * level;
            sum_xl += weighted * x[i];
        }
        const Floats determinant = sum_w * sum_l2 - sum_l * sum_l;
        Floats next_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
        Floats next_low = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
        const Ints above = next_low > zero;
        next_scale = above ? sum_xl / sum_l2 : next_scale;
        next_low = above ? zero : next_low;
        Floats error = zero;
        for (int i = 0; i < width; ++i) {
            const Floats off = next_scale * guess[i] + next_low - x[i];
            error += weights[i] * (off * off);
        }
        const Ints better = (determinant > zero) & (error < best);
        best_inverse = better ? inverse : best_inverse;
        best_low = better ? low : best_low;
        best = better ? error : best;
        scale = better ? next_scale : scale;
        low = better ? next_low : low;
    }
    for (int i = 0; i < width; ++i)
        levels[i] = flat ? Ints{} : clamp(nearest(best_inverse * (x[i] - best_low)), 0, most);
    scale = flat ? zero : scale;
    minimum = flat ? -lowest : -low;
}

// Eight scales and eight minima of 6 bits in twelve bytes.
INLINE void pack_scales(const uint8_t *scales, const uint8_t *minima, uint8_t *result) {
    for (int j = 0; j < 4; ++j) {
        result[j] = scales[j] | (scales[j + 4] >> 4) << 6;
        result[j + 4] = minima[j] | (minima[j + 4] >> 4) << 6;
        result[j + 8] = (scales[j + 4] & 15) | (minima[j + 4] & 15) << 4;
    }
}

// Two super-blocks of Q4_K or Q5_K, of which the first `count` are stored. A block: d, dmin, scales and minima, the
// fifth bits of Q5_K, the low four bits.
template <int most>
INLINE void two_affine(const float *values, float first, int rounds, uint8_t *blocks, int size, int count) {
    constexpr int width = 32, subs = kSuper / width;
    Floats x[width], scales, minima;
    Ints levels[width];
    spread<width>(values, x);
    affine<most>(x, first, rounds, scales, minima, levels);
    Floats steps, offsets;
    for (int block = 0; block < 2; ++block) {
        float max_scale = 0, max_minimum = 0;
        for (int j = 0; j < subs; ++j) {
            const float scale = scales[block * subs + j], minimum = minima[block * subs + j];
            if (scale > max_scale) max_scale = scale;
            if (minimum > max_minimum) max_minimum = minimum;
        }
        const float inverse_scale = max_scale > 0 ? 63.f / max_scale : 0.f;
        const float inverse_minimum = max_minimum > 0 ? 63.f / max_minimum : 0.f;
        uint8_t small_scales[subs], small_minima[subs];
        const uint16_t d = half(max_scale / 63.f), dmin = half(max_minimum / 63.f);
        for (int j = 0; j < subs; ++j) {
            const uint8_t scale = nearest(inverse_scale * scales[block * subs + j]);
            const uint8_t minimum = nearest(inverse_minimum * minima[block * subs + j]);
            small_scales[j] = scale < 63 ? scale : 63;
            small_minima[j] = minimum < 63 ? minimum : 63;
            steps[block * subs + j] = single(d) * small_scales[j];
            offsets[block * subs + j] = single(dmin) * small_minima[j];
        }
        if (block < count) {
            uint8_t *out = blocks + block * size;
            std::memcpy(out, &d, 2);
            std::memcpy(out + 2, &dmin, 2);
            pack_scales(small_scales, small_minima, out + 4);
        }
    }
    const Ints unset = steps == Floats{};
    for (int i = 0; i < width; ++i)
        levels[i] = unset ? levels[i] : clamp(nearest((x[i] + offsets) / steps), 0, most);
    uint8_t bytes[2 * kSuper];
    gather<width>(levels, bytes);
    for (int block = 0; block < count; ++block) {
        const uint8_t *level = bytes + block * kSuper;
        uint8_t *high = blocks + block * size + 16, *low = high + (most > 15 ? width : 0);
        for (int j = 0; j < kSuper; j += 2 * width)
            for (int i = 0; i < width; ++i) {
                const uint8_t one = level[j + i], other = level[j + width + i];
                low[j / 2 + i] = (one & 15) | (other & 15) << 4;
                if (most > 15) {
                    const uint8_t bits = (one >> 4 | (other >> 4) << 1) << (j / width);
                    high[i] = j ? high[i] | bits : bits;
                }
            }
    }
}

// Scale of each lane: x = scale * level with levels from -32 to 31, the best of several least squares, weighted with
// x * x. `levels` are told from 0.
INLINE void linear(const Floats *x, Floats &scale, Ints *levels) {
    constexpr int width = 16, most = 32;
    const Floats zero = {};
    Floats largest = zero, extreme = zero, weights[width];
    for (int i = 0; i < width; ++i) {
        const Floats size = magnitude(x[i]);
        const Ints larger = size > largest;
        largest = larger ? size : largest;
        extreme = larger ? x[i] : extreme;
        weights[i] = x[i] * x[i];
    }
    const Ints empty = largest < 1e-15f;
    Floats best_inverse, best = zero;
    for (int round = 0; round < 19; ++round) {  // first the plain scale, then those beside it
        const int beside = round == 0 ? 0 : round < 10 ? round - 10 : round - 9;
        const Floats inverse = round ? -(most + 0.1f * beside) / extreme : -float(most) / extreme;
        Floats sum_xl = zero, sum_l2 = zero;
        for (int i = 0; i < width; ++i) {
            const Floats level = floats(clamp(nearest(inverse * x[i]), -most, most - 1));
            sum_xl += weights[i] * x[i] * level;
            sum_l2 += weights[i] * level * level;
        }
        if (round == 0) {
            scale = sum_l2 != zero ? sum_xl / sum_l2 : zero;
            best = scale * sum_xl;
            best_inverse = inverse;
            continue;
        }
        const Ints better = (sum_l2 > zero) & (sum_xl * sum_xl > best * sum_l2);
        const Floats next = sum_xl / sum_l2;
        scale = better ? next : scale;
        best = better ? next * sum_xl : best;
        best_inverse = better ? inverse : best_inverse;
    }
    for (int i = 0; i < width; ++i)
        levels[i] = empty ? Ints{} : clamp(nearest(best_inverse * x[i]), -most, most - 1) + most;
    scale = empty ? zero : scale;
}

// A super-block of Q6_K. A block: the low four bits, the high two bits, scales, d.
INLINE void one_linear(const float *values, uint8_t *block) {
    constexpr int width = 16;
    Floats x[width], scales, steps;
    Ints levels[width];
    spread<width>(values, x);
    linear(x, scales, levels);
    float largest = 0, extreme = 0;
    for (int j = 0; j < kLanes; ++j) {
        const float size = std::fabs(scales[j]);
        if (size > largest) largest = size, extreme = scales[j];
    }
    if (largest < 1e-15f) {
        std::memset(block, 0, kQ6Bytes);
        return;
    }
    const float inverse = -128.f / extreme;
    const uint16_t d = half(1 / inverse);
    std::memcpy(block + 208, &d, 2);
    for (int j = 0; j < kLanes; ++j) {
        const int level = nearest(inverse * scales[j]);
        const int8_t small = level < 127 ? level : 127;
        block[192 + j] = small;
        steps[j] = single(d) * small;
    }
    const Ints unset = steps == Floats{};
    for (int i = 0; i < width; ++i)
        levels[i] = unset ? levels[i] : clamp(nearest(x[i] / steps), -32, 31) + 32;
    uint8_t level[kSuper];
    gather<width>(levels, level);
    for (int j = 0; j < kSuper; j += 128)
        for (int i = 0; i < 32; ++i) {
            const uint8_t *four = level + j + i;
            block[j / 2 + i] = (four[0] & 15) | (four[64] & 15) << 4;
            block[j / 2 + 32 + i] = (four[32] & 15) | (four[96] & 15) << 4;
            block[128 + j / 4 + i] =
                four[0] >> 4 | (four[32] >> 4) << 2 | (four[64] >> 4) << 4 | (four[96] >> 4) << 6;
        }
}

template <int most>
INLINE void all_affine(const float *values, uint8_t *blocks, int64_t count, float first, int rounds, int size) {
    int64_t done = 0;
    for (; done + 2 <= count; done += 2)
        two_affine<most>(values + done * kSuper, first, rounds, blocks + done * size, size, 2);
    if (done < count) {
        float padded[2 * kSuper];
        std::memcpy(padded, values + done * kSuper, sizeof(float) * kSuper);
        std::memcpy(padded + kSuper, values + done * kSuper, sizeof(float) * kSuper);
        two_affine<most>(padded, first, rounds, blocks + done * size, size, 1);
    }
}

}  // namespace

// Each turns `count` super-blocks of values into as many blocks.
extern "C" {
FOR_EACH_PROCESSOR void round_q4_k(const float *values, uint8_t *blocks, int64_t count) {
    all_affine<15>(values, blocks, count, -1.f, 20, kQ4Bytes);
}
FOR_EACH_PROCESSOR void round_q5_k(const float *values, uint8_t *blocks, int64_t count) {
    all_affine<31>(values, blocks, count, -0.5f, 15, kQ5Bytes);
}
FOR_EACH_PROCESSOR void round_q6_k(const float *values, uint8_t *blocks, int64_t count) {
    for (int64_t block = 0; block < count; ++block) one_linear(values + block * kSuper, blocks + block * kQ6Bytes);
}
}
