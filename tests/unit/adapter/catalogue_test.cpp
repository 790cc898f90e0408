#include "adapter/catalogue.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(CatalogueTest, ServesTheWholeTableButSharesWithoutABound) {
  const auto catalogue = Catalogue::make({});
  ASSERT_TRUE(catalogue);
  EXPECT_NE(catalogue->find_custom("queue_depth"), nullptr);
  EXPECT_NE(catalogue->find_custom("ttft_seconds_p95"), nullptr);
  EXPECT_EQ(catalogue->find_custom("ttft_slo_miss_percent"), nullptr);
  EXPECT_EQ(catalogue->find_custom("nothing"), nullptr);
}

TEST(CatalogueTest, ABoundBringsItsShareForWorkloadsOnly) {
  CatalogueConfig config;
  config.slo_bounds[index_of(Latency::kTtft)] = 2.0;
  const auto catalogue = Catalogue::make(config);
  ASSERT_TRUE(catalogue);
  const CatalogueEntry* share = catalogue->find_custom("ttft_slo_miss_percent");
  ASSERT_NE(share, nullptr);
  EXPECT_EQ(share->slo_bound, 2.0);
  EXPECT_FALSE(share->describes_pods());
  EXPECT_EQ(catalogue->find_custom("e2e_latency_slo_miss_percent"), nullptr);
}

TEST(CatalogueTest, ExternalNamesIgnoreCaseAndKeepTheirSpelling) {
  const auto catalogue =
      Catalogue::make({.aliases = {{"DCGM_FI_DEV_GPU_UTIL", "kv_cache_utilization_percent", "", 1}},
                       .hidden = {},
                       .slo_bounds = {}});
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  const CatalogueEntry* entry = catalogue->find_external("dcgm_fi_dev_gpu_util");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->name, "DCGM_FI_DEV_GPU_UTIL");
  EXPECT_EQ(catalogue->find_custom("dcgm_fi_dev_gpu_util"), nullptr);
  EXPECT_EQ(catalogue->find_custom("DCGM_FI_DEV_GPU_UTIL"), entry);
}

TEST(CatalogueTest, AnAliasHasItsWindowAndScale) {
  const auto catalogue =
      Catalogue::make({.aliases = {{"vllm:num_requests_waiting", "queue_depth", "15s", 0.5}},
                       .hidden = {"queue_depth"},
                       .slo_bounds = {}});
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  EXPECT_EQ(catalogue->find_custom("queue_depth"), nullptr);
  const CatalogueEntry* entry = catalogue->find_custom("vllm:num_requests_waiting");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->metric->name, "queue_depth");
  EXPECT_EQ(entry->window, Window::k15s);
  EXPECT_EQ(entry->scale, 0.5);
}

TEST(CatalogueTest, RefusalsNameTheValue) {
  const auto f = [](const MetricAlias& alias, std::string_view want) {
    const auto catalogue = Catalogue::make({.aliases = {alias}, .hidden = {}, .slo_bounds = {}});
    ASSERT_FALSE(catalogue) << want;
    EXPECT_EQ(catalogue.error().code, Errc::kBadConfig);
    EXPECT_NE(catalogue.error().message.find(want), std::string::npos) << catalogue.error().message;
  };
  f({"x", "nope", "", 1}, "metrics[0].signal: \"nope\": no such metric");
  f({"x", "ttft_seconds", "", 1}, "did you mean ttft_seconds_p50, ttft_seconds_p90");
  f({"x", "queue_depth", "30s", 1}, "metrics[0].window: \"30s\" must be 15s, 60s or 300s");
  f({"x", "queue_depth", "", 0}, "metrics[0].scale: 0");
  f({"", "queue_depth", "", 1}, "metrics[0].name: is required");
  f({"a/b", "queue_depth", "", 1}, "one path segment");
  f({"Status", "queue_depth", "", 1}, "\"Status\" is a word of Kubernetes' own");
  f({"finalize", "queue_depth", "", 1}, "\"finalize\" is a word");
  f({"Queue_Depth", "queue_depth", "", 1}, "\"Queue_Depth\" is served already as \"queue_depth\"");
  f({"x", "ttft_slo_miss_percent", "", 1}, "needs its bound under slo");
}

TEST(CatalogueTest, EveryErrorIsToldAtOnce) {
  const auto catalogue =
      Catalogue::make({.aliases = {{"a/b", "queue_depth", "1s", 1}, {"c", "nope", "", 1}},
                       .hidden = {"gone"},
                       .slo_bounds = {}});
  ASSERT_FALSE(catalogue);
  const std::string& text = catalogue.error().message;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
}

}  // namespace
}  // namespace leadline
