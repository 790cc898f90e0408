// Real vLLM, sixteen streams on four slots: what our sidecar says of the load is what the client
// counted. Requests must wait, or nothing would be shown.

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "demo/work_folder.h"
#include "tests/engines/load_beside_sidecar.h"
#include "tests/engines/real_engine.h"

namespace leadline {
namespace {

constexpr std::uint64_t kSlots = 4;
constexpr const char* kModel = "tiny/llama";

EngineCommand vllm(const std::string& log_file) {
  return {.name = "vllm",
          .program = "venv/bin/vllm",
          .arguments = {"serve", "{}/model", "--served-model-name", kModel, "--max-model-len",
                        "2048", "--max-num-seqs", std::to_string(kSlots), "--enforce-eager"},
          .environment = {"VLLM_CPU_KVCACHE_SPACE=1", "HF_HUB_OFFLINE=1", "VLLM_NO_USAGE_STATS=1"},
          .log_file = log_file};
}

Result<Loaded> load_vllm() {
  const auto folder = WorkFolder::make();
  if (!folder) return fail(folder.error());
  const auto engine = RealEngine::start(vllm(folder->file("vllm.log")));
  if (!engine) return fail(engine.error());
  return load_beside_sidecar(*engine, kModel, crowd_plan());
}

// One load serves all cases.
class VllmTest : public testing::Test {
 protected:
  static const Result<Loaded>& loaded() {
    static const Result<Loaded> kLoaded = load_vllm();
    return kLoaded;
  }
  void SetUp() override { ASSERT_TRUE(loaded()) << loaded().error().message; }

  static const SignalPage& page() { return loaded()->page; }
  static const ClientCount& client() { return loaded()->client; }
};

TEST_F(VllmTest, AnswersEveryRequestOfTheLoad) {
  EXPECT_EQ(client().sent, crowd_plan().arrivals.size());
  EXPECT_EQ(client().finished, client().sent) << client().summary;
}

TEST_F(VllmTest, TotalsAreTheClientsExactly) {
  EXPECT_EQ(page().value("leadline_inference_requests_total"), client().finished);
  EXPECT_EQ(page().value("leadline_prompt_tokens_total"), client().prompt_tokens);
  EXPECT_EQ(page().value("leadline_generation_tokens_total"), client().generation_tokens);
  EXPECT_EQ(page().value("leadline_request_errors_total"), 0);
  fmt::print("{} requests, {} prompt tokens, {} generated\n", client().finished,
             client().prompt_tokens, client().generation_tokens);
}

TEST_F(VllmTest, OneLookTellsTheSameTotals) {
  const auto& totals = loaded()->once["totals"];
  EXPECT_EQ(loaded()->once["engine"], "vllm");
  EXPECT_EQ(totals["finished_requests"], client().finished);
  EXPECT_EQ(totals["prompt_tokens"], client().prompt_tokens);
  EXPECT_EQ(totals["generation_tokens"], client().generation_tokens);
  EXPECT_EQ(totals["ttft_seconds_count"], client().finished);
}

TEST_F(VllmTest, MeanTtftIsTheClients) {
  const auto sum = page().value("leadline_ttft_seconds_sum");
  const auto count = page().value("leadline_ttft_seconds_count");
  ASSERT_TRUE(sum && count);
  ASSERT_EQ(*count, client().finished);
  const double clients = client().summary["ttft_histogram"]["sum"].get<double>() / *count;
  EXPECT_NEAR(*sum / *count, clients, std::max(0.005, 0.05 * clients));
  fmt::print("mean TTFT: client {:.3f} s, sidecar {:.3f} s\n", clients, *sum / *count);
}

// Only their mean: under load vLLM puts several tokens into one event, so the client sees fewer
// gaps than there were, of the same sum.
TEST_F(VllmTest, MeanTokenGapIsTheClients) {
  const auto sum = page().value("leadline_inter_token_latency_seconds_sum");
  const auto count = page().value("leadline_inter_token_latency_seconds_count");
  ASSERT_TRUE(sum && count);
  ASSERT_EQ(*count, client().generation_tokens - client().finished);
  const double clients = client().summary["inter_token_histogram"]["sum"].get<double>() / *count;
  EXPECT_NEAR(*sum / *count, clients, std::max(0.005, 0.05 * clients));
  fmt::print("mean token gap: client {:.4f} s, sidecar {:.4f} s\n", clients, *sum / *count);
}

// --- Quantiles: a histogram can tell no more than the bucket.

std::size_t bucket_of(const std::vector<double>& edges, double value) {
  return static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), value) -
                                  edges.begin());
}

// The engine's clock starts and stops a little before the client's: the one has the request only
// when it has read it, the other the token only when it was sent. So where the client's own value
// lies within 5 ms or 1 % of an edge, the engine may have counted it on the edge's other side.
bool may_be_across(double value, double edge) {
  return std::abs(value - edge) <= std::max(0.005, 0.01 * edge);
}

testing::AssertionResult in_bucket_of(const std::vector<double>& edges, double clients,
                                      double ours) {
  const std::size_t wanted = bucket_of(edges, clients), found = bucket_of(edges, ours);
  const bool neighbours = wanted + 1 == found || found + 1 == wanted;
  if (wanted == found || (neighbours && may_be_across(clients, edges[std::min(wanted, found)]))) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure()
         << fmt::format("the client's {:.4f} s and the sidecar's {:.4f} s", clients, ours);
}

struct Percentile {
  const char* name;
  const char* quantile;
};
constexpr std::array<Percentile, 4> kPercentiles = {
    {{"p50", "0.5"}, {"p90", "0.9"}, {"p95", "0.95"}, {"p99", "0.99"}}};

// `family`: without its unit, `leadline_ttft`. `summary`: the client's name for the same.
void expect_quantiles_of(const Loaded& loaded, const std::string& family,
                         const std::string& summary) {
  const auto edges = loaded.page.edges(family + "_seconds");
  ASSERT_FALSE(edges.empty());
  EXPECT_EQ(loaded.page.value(family + "_window_observations", {{"window", "300s"}}),
            loaded.client.finished);
  for (const auto& [name, quantile] : kPercentiles) {
    SCOPED_TRACE(family + " " + name);
    const double clients = loaded.client.summary[summary][name];
    const auto ours =
        loaded.page.value(family + "_window_seconds", {{"window", "300s"}, {"quantile", quantile}});
    ASSERT_TRUE(ours);
    EXPECT_TRUE(in_bucket_of(edges, clients, *ours));
    fmt::print("{} {}: client {:.3f} s, sidecar {:.3f} s\n", family, name, clients, *ours);
  }
}

TEST_F(VllmTest, TtftQuantilesLieInTheClientsBuckets) {
  expect_quantiles_of(*loaded(), "leadline_ttft", "ttft_seconds");
}

TEST_F(VllmTest, EndToEndQuantilesLieInTheClientsBuckets) {
  expect_quantiles_of(*loaded(), "leadline_e2e_latency", "e2e_seconds");
}

// --- The queue.

TEST_F(VllmTest, QueueIsSeenWheneverRequestsWait) {
  const auto looks = looks_while_waiting(*loaded(), kSlots);
  EXPECT_GE(looks.size(), 10U) << "of " << loaded()->looks.size() << " looks";
  for (const Look& look : looks) {
    EXPECT_GT(look.queue_depth, 0) << look.in_flight << " in flight, " << look.running << " run";
    EXPECT_LE(look.running, kSlots);
  }
}

TEST_F(VllmTest, QueueIsNeverSeenAfterTheLoad) {
  const auto looks = looks_afterwards(*loaded());
  EXPECT_GE(looks.size(), 5U) << "of " << loaded()->looks.size() << " looks";
  for (const Look& look : looks) EXPECT_EQ(look.queue_depth, 0);
}

}  // namespace
}  // namespace leadline
