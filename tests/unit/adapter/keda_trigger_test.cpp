#include "adapter/keda_trigger.h"

#include <gtest/gtest.h>

#include "tests/required.h"

namespace leadline {
namespace {

class KedaTriggerTest : public testing::Test {
 protected:
  [[nodiscard]] Result<KedaTrigger> parse(const Labels& metadata,
                                          std::string_view namespace_name = "ns") const {
    return parse_keda_trigger(namespace_name, metadata, catalogue_);
  }
  [[nodiscard]] std::string errors(const Labels& metadata) const {
    const auto trigger = parse(metadata);
    return trigger ? "none" : trigger.error().message;
  }

  Catalogue catalogue_ = std::move(*Catalogue::make(
      {.aliases = {{"quick", "ttft_seconds_p95", "15s", 2}, {"tenfold", "queue_depth", "", 10}}}));
};

TEST_F(KedaTriggerTest, AWorkloadIsEnough) {
  const auto trigger = parse({{"workload", "llm"}});
  ASSERT_TRUE(trigger) << trigger.error().message;
  EXPECT_EQ(trigger->namespace_name, "ns");
  EXPECT_EQ(trigger->kind, "Deployment");
  EXPECT_EQ(trigger->workload, "llm");
  EXPECT_EQ(trigger->entry->name, "in_flight_requests");
  EXPECT_EQ(trigger->window, kDefaultWindow);
  EXPECT_DOUBLE_EQ(trigger->target_value, 5);
  EXPECT_FALSE(trigger->activation);
  EXPECT_FALSE(trigger->scale_to_zero);
}

TEST_F(KedaTriggerTest, EveryKeyIsRead) {
  const auto trigger = parse({{"workload", "llm"},
                              {"kind", "StatefulSet"},
                              {"metric", "ttft_seconds_p95"},
                              {"window", "300s"},
                              {"selector", "model=a"},
                              {"targetValue", "0.5"},
                              {"activationTargetValue", "0"},
                              {"scaleToZero", "true"}});
  ASSERT_TRUE(trigger) << trigger.error().message;
  EXPECT_EQ(trigger->kind, "StatefulSet");
  EXPECT_EQ(trigger->entry->name, "ttft_seconds_p95");
  EXPECT_EQ(trigger->window, Window::k300s);
  EXPECT_TRUE(trigger->selection.asks_for_series());
  EXPECT_DOUBLE_EQ(trigger->target_value, 0.5);
  EXPECT_EQ(trigger->activation, 0);
  EXPECT_TRUE(trigger->scale_to_zero);
}

TEST_F(KedaTriggerTest, AnAliasBringsItsWindow) {
  const auto trigger = parse({{"workload", "llm"}, {"metric", "quick"}, {"targetValue", "1"}});
  ASSERT_TRUE(trigger) << trigger.error().message;
  EXPECT_EQ(trigger->window, Window::k15s);
}

TEST_F(KedaTriggerTest, WhatKedaTookFromTheEnvironmentCounts) {
  const auto trigger = parse({{"workloadFromEnv", "llm"}, {"targetValueFromEnv", "3"}});
  ASSERT_TRUE(trigger) << trigger.error().message;
  EXPECT_EQ(trigger->workload, "llm");
  EXPECT_DOUBLE_EQ(trigger->target_value, 3);
}

TEST_F(KedaTriggerTest, KeysThatAreKedasOwnAreLeftAlone) {
  EXPECT_TRUE(parse({{"workload", "llm"},
                     {"targetValue", "4"},
                     {"scalerAddress", "leadline:9734"},
                     {"enableTLS", "true"}}));
}

TEST_F(KedaTriggerTest, EveryErrorIsListed) {
  EXPECT_EQ(errors({{"workload", "LLM"},
                    {"kind", "Pod"},
                    {"metric", "nonsense"},
                    {"selector", "=="},
                    {"targetValue", "-1"},
                    {"activationTargetValue", "nan"},
                    {"scaleToZero", "yes"}})
                .substr(0, 18),
            "trigger metadata: ");
  const std::string all = errors({{"workload", "LLM"},
                                  {"kind", "Pod"},
                                  {"metric", "nonsense"},
                                  {"selector", "=="},
                                  {"targetValue", "-1"},
                                  {"activationTargetValue", "nan"},
                                  {"scaleToZero", "yes"}});
  for (const char* each : {"workload = \"LLM\": ", "kind = \"Pod\": ", "metric = \"nonsense\": ",
                           "selector = \"==\": ", "targetValue = \"-1\": ",
                           "activationTargetValue = \"nan\": ", "scaleToZero = \"yes\": "}) {
    EXPECT_NE(all.find(each), std::string::npos) << each << " is not in " << all;
  }
}

TEST_F(KedaTriggerTest, WhatIsMissingIsNamed) {
  EXPECT_EQ(errors({}), "trigger metadata: workload: must be the name of what is scaled");
}

TEST_F(KedaTriggerTest, OnlyCountsOfRequestsHaveATargetByDefault) {
  EXPECT_TRUE(parse({{"workload", "llm"}, {"metric", "queue_depth"}}));
  EXPECT_DOUBLE_EQ(required(parse({{"workload", "llm"}, {"metric", "tenfold"}})).target_value, 50);
  for (const char* metric :
       {"ttft_seconds_p95", "tokens_per_second", "kv_cache_utilization_percent"}) {
    EXPECT_EQ(errors({{"workload", "llm"}, {"metric", metric}}),
              "trigger metadata: targetValue: must be a number above 0");
  }
}

TEST_F(KedaTriggerTest, NoMessageTellsWhatAnEnvironmentHolds) {
  const std::string all = errors({{"workloadFromEnv", "Secret"},
                                  {"metricFromEnv", "Secret"},
                                  {"selectorFromEnv", "Secret in"},
                                  {"targetValueFromEnv", "Secret"}});
  EXPECT_EQ(all.find("Secret"), std::string::npos) << all;
  EXPECT_NE(all.find("workloadFromEnv, not shown: must be"), std::string::npos) << all;
  EXPECT_NE(all.find("selectorFromEnv, not shown: must be a label"), std::string::npos) << all;
}

TEST_F(KedaTriggerTest, ATargetOfZeroOrNoNumberIsRefused) {
  for (const char* bad : {"0", "inf", "4x", "1e999"}) {
    EXPECT_FALSE(parse({{"workload", "llm"}, {"targetValue", bad}})) << bad;
  }
}

TEST_F(KedaTriggerTest, TheWindowHasOnePlace) {
  EXPECT_NE(errors({{"workload", "llm"}, {"targetValue", "1"}, {"selector", "window=15s"}})
                .find("a key of its own"),
            std::string::npos);
  EXPECT_FALSE(parse({{"workload", "llm"}, {"targetValue", "1"}, {"window", "20s"}}));
}

TEST_F(KedaTriggerTest, ANamespaceIsNeeded) {
  EXPECT_FALSE(parse({{"workload", "llm"}, {"targetValue", "1"}}, ""));
}

}  // namespace
}  // namespace leadline
