// The pages of SGLang and llama.cpp: shaped as the recorded ones, and read by our dialects for what
// the engine did.

#include "sim/engine_page.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/detection.h"
#include "sim/batching.h"
#include "tests/text_of.h"
#include "tests/unit/engine/dialects/reading_text.h"
#include "tests/unit/sim/page_shape.h"

namespace leadline {
namespace {

using namespace std::chrono_literals;

std::string recorded(const std::string& name) {
  return text_of(LEADLINE_SOURCE_DIR "/tests/data/expositions/" + name);
}

// An engine of two slots after three requests: one streamed to its end, one answered whole, one
// given up, and two more that run and one that waits.
class UsedEngine {
 public:
  UsedEngine() : engine_(config(), *parse_perf_model(embedded_perf_table(), {})) {
    run(request(1, 3));
    run(request(2, 2, /*streaming=*/false));
    (void)engine_.enqueue(request(3, 5), now_);
    (void)engine_.abort(3, now_);
    for (const RequestId id : {4U, 5U, 6U}) (void)engine_.enqueue(request(id, 9), now_);
    step();
  }

  [[nodiscard]] PageInput page() const {
    return {.model_name = "org/model",
            .waiting = engine_.waiting(),
            .running = engine_.running(),
            .kv_blocks_used = engine_.kv_blocks_used(),
            .process_start_seconds = 1.5e9,
            .created_seconds = 1.5e9,
            .config = engine_.config(),
            .totals = engine_.totals(),
            .process = {},
            .http = {{"/v1/completions", "POST", "2xx", 2, 0}, {"/v1/models", "GET", "5xx", 1, 0}},
            .huge_label = {}};
  }

 private:
  static BatchingConfig config() {
    BatchingConfig config;
    config.max_num_seqs = 2;
    return config;
  }
  static BatchRequest request(RequestId id, int tokens, bool streaming = true) {
    return {.id = id, .prompt_tokens = 7, .max_tokens = tokens, .streaming = streaming};
  }
  void step() {
    (void)engine_.begin_step(now_);
    now_ += 500ms;
    (void)engine_.finish_step(now_);
  }
  void run(const BatchRequest& request) {
    (void)engine_.enqueue(request, now_);
    while (engine_.waiting() + engine_.running() > 0) step();
  }

  BatchingEngine engine_;
  SteadyTime now_;
};

PageInput unused() {
  return {.model_name = "m",
          .config = {},
          .totals = EngineTotals(2048),
          .process = {},
          .http = {},
          .huge_label = {}};
}

std::string rendered(std::string_view engine, const PageInput& input) {
  return find_engine_page(engine)->render(input);
}

EngineReading read(std::string_view engine, const PageInput& input) {
  const std::string text = rendered(engine, input);
  const Page page = {text, find_engine_page(engine)->content_type};
  const Detection found = detect_engine(page);
  EXPECT_EQ(found.engine, engine) << found.why;
  const auto reading = find_dialect(engine)->read(page);
  EXPECT_TRUE(reading) << reading.error().message;
  return reading.value_or(EngineReading{});
}

TEST(EnginePageTest, EveryPageIsItsEnginesAndTellsQueueAndRunning) {
  for (const EnginePage& page : engine_pages()) {
    SCOPED_TRACE(page.engine);
    const EngineReading reading = read(page.engine, UsedEngine().page());
    EXPECT_EQ(gauge(reading.series.at(0), Gauge::kQueueDepth), 1);
    EXPECT_EQ(gauge(reading.series[0], Gauge::kRunningRequests), 2);
    EXPECT_EQ(reading.bad_lines, 0U);
    EXPECT_TRUE(reading.missing.empty());
  }
  EXPECT_EQ(find_engine_page("other"), nullptr);
}

// --- SGLang.

std::string without_rank(std::string labels) {
  const std::size_t at = labels.find("dp_rank,");
  return at == std::string::npos ? labels : labels.erase(at, sizeof("dp_rank,") - 1);
}

TEST(SglangPageTest, FamiliesLabelsAndEdgesAreTheRecordedOnes) {
  const Shape want = read_shape(recorded("sglang-0.5.18-dp2.prom"));
  const Shape have = read_shape(rendered("sglang", UsedEngine().page()));
  ASSERT_GT(have.families.size(), 20U);
  for (const std::string& family : have.families) {
    EXPECT_NE(std::find(want.families.begin(), want.families.end(), family), want.families.end())
        << family;
  }
  for (const auto& [name, label_sets] : have.label_names) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(want.label_names.contains(name));
    std::set<std::string> names;
    for (const std::string& labels : want.label_names.at(name)) names.insert(without_rank(labels));
    EXPECT_EQ(label_sets, names);
    if (!name.ends_with("_bucket")) continue;
    const std::set<std::string> edges(have.edges.at(name).begin(), have.edges.at(name).end());
    EXPECT_EQ(edges, std::set<std::string>(want.edges.at(name).begin(), want.edges.at(name).end()));
  }
}

TEST(SglangPageTest, SeriesAppearOnFirstUse) {
  EXPECT_TRUE(read("sglang", unused()).series.empty());
  PageInput first = unused();
  first.totals.accepted = 1;
  first.running = 1;
  const EngineReading reading = read("sglang", first);
  EXPECT_EQ(gauge(reading.series.at(0), Gauge::kRunningRequests), 1);
  EXPECT_EQ(total(reading, "generation_tokens"), -1);
  EXPECT_EQ(total(reading, "ttft_seconds_count"), -1);
}

// Steps take half a second: a streamed first token comes after one, a whole answer after two.
TEST(SglangPageTest, WhatTheDialectReadsIsWhatTheEngineDid) {
  PageInput page = UsedEngine().page();
  page.model_name = "org/a \"b\"";
  const EngineReading reading = read("sglang", page);
  EXPECT_EQ(reading.series.at(0).model, "org/a \"b\"");
  EXPECT_EQ(total(reading, "finished_requests"), 2);
  EXPECT_EQ(total(reading, "prompt_tokens"), 28);     // live: of those that run, too
  EXPECT_EQ(total(reading, "generation_tokens"), 7);  // 3 + 2, and the first of two
  EXPECT_EQ(total(reading, "ttft_seconds_count"), 3);
  EXPECT_DOUBLE_EQ(total(reading, "ttft_seconds_sum"), 1.5);
  EXPECT_EQ(total(reading, "e2e_latency_seconds_count"), 2);
  EXPECT_DOUBLE_EQ(total(reading, "e2e_latency_seconds_sum"), 2.5);
  EXPECT_EQ(reading.series[0].kv_capacity_tokens, 8192 * 16);
  double errors = 0;
  for (const CounterPart& part : reading.series[0].counters[index_of(Counter::kRequestErrors)])
    errors += part.value;
  EXPECT_EQ(errors, 2);  // one given up, one answered 500
}

// --- llama.cpp.

TEST(LlamacppPageTest, FamiliesHelpTypesAndOrderAreTheRecordedOnes) {
  const Shape want = read_shape(recorded("live-llamacpp-b11434-loaded.prom"));
  const Shape have = read_shape(rendered("llamacpp", UsedEngine().page()));
  ASSERT_EQ(want.families.size(), 15U);
  EXPECT_EQ(have.families, want.families);
  EXPECT_EQ(have.label_names, want.label_names);
}

TEST(LlamacppPageTest, NumbersHaveSixDigits) {
  PageInput input = unused();
  input.totals.prompt_tokens = 123'456'789;
  const std::string page = rendered("llamacpp", input);
  EXPECT_NE(page.find("\nllamacpp:prompt_tokens_total 1.23457e+08\n"), std::string::npos) << page;
}

TEST(LlamacppPageTest, PredictedTokensMoveWhenARequestEnds) {
  const EngineReading reading = read("llamacpp", UsedEngine().page());
  EXPECT_EQ(total(reading, "prompt_tokens"), 28);
  EXPECT_EQ(total(reading, "generation_tokens"), 5);
  EXPECT_EQ(total(reading, "finished_requests"), -1);
}

}  // namespace
}  // namespace leadline
