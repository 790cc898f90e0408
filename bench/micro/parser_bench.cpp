// The parser on a recorded page of vLLM 0.32 (54 KB), beside the least that any reader of lines
// must do: finding their ends.

#include <cstring>
#include <string>

#include <benchmark/benchmark.h>

#include "bench/micro/pages.h"
#include "engine/dialect_table.h"
#include "engine/exposition.h"

namespace leadline {
namespace {

const SampleFilter& vllm_filter() {
  return dynamic_cast<const TableDialect&>(*find_dialect("vllm")).filter();
}

void LineWalk(benchmark::State& state) {
  const std::string page = recorded_page();
  for (auto _ : state) {
    std::size_t lines = 0;
    const char* at = page.data();
    const char* const end = at + page.size();
    while (const void* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at))) {
      at = static_cast<const char*>(found) + 1;
      ++lines;
    }
    benchmark::DoNotOptimize(lines);
  }
  count_bytes(state, page);
}
BENCHMARK(LineWalk);

void parse(benchmark::State& state, const SampleFilter& filter) {
  const std::string page = recorded_page();
  const PageText text{.shape = PageShape::kText, .body = page, .decoded = {}};
  for (auto _ : state) benchmark::DoNotOptimize(parse_exposition(text, filter));
  count_bytes(state, page);
}

void ParseFiltered(benchmark::State& state) {
  parse(state, vllm_filter());
}
BENCHMARK(ParseFiltered);

void ParseEverything(benchmark::State& state) {
  parse(state, SampleFilter::everything());
}
BENCHMARK(ParseEverything);

// From the bytes of an answer to signals.
void ReadPage(benchmark::State& state) {
  const std::string page = recorded_page();
  const Dialect& dialect = *find_dialect("vllm");
  for (auto _ : state) {
    benchmark::DoNotOptimize(dialect.read({.body = page, .content_type = "text/plain"}));
  }
  count_bytes(state, page);
}
BENCHMARK(ReadPage);

}  // namespace
}  // namespace leadline
