#!/usr/bin/env bash
# Builds the part of llama.cpp that computes on the processor once more, for processors with AVX-512: kernels.sh LOCK
#
# The package llama-cpp-python, which is installed already, has it for any processor with AVX2. The other build lies
# beside it, in lib/avx512; engine/inference/llama/kernels.py chooses. LOCK is the requirement of the package with its
# hash. PYTHON is the virtual environment's.
set -euo pipefail

lock=$1
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || exit 0
package=$("$PYTHON" -c 'import importlib.util as u; print(u.find_spec("llama_cpp").submodule_search_locations[0])')
rm -rf "$package/lib/avx512"  # those of another release would not fit what lies beside them
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$PYTHON" -m pip --quiet --no-input --disable-pip-version-check download --no-deps --no-binary :all: \
    --require-hashes --dest "$work" -r "$lock"
tar -xzf "$work"/llama_cpp_python-*.tar.gz -C "$work"
cmake -S "$work"/llama_cpp_python-*/vendor/llama.cpp -B "$work/build" \
    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DLLAMA_CURL=OFF \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH='$ORIGIN/..' \
    -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
    -DLLAMA_BUILD_SERVER=OFF -DGGML_NATIVE=OFF -DGGML_AVX512=ON -DGGML_AVX512_VBMI=ON -DGGML_AVX512_VNNI=ON \
    >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; exit 1; }
cmake --build "$work/build" --target ggml-cpu --parallel "$(nproc)" >"$work/log" 2>&1 || {
    tail -n 30 "$work/log" >&2
    exit 1
}
mkdir -p "$package/lib/avx512"
cp "$(find "$work/build" -name 'libggml-cpu.so.*' -type f)" "$package/lib/avx512/libggml-cpu.so.0.new"
mv "$package/lib/avx512/libggml-cpu.so.0.new" "$package/lib/avx512/libggml-cpu.so.0"
