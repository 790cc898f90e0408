// What ClusterPlatform knows and shows without a cluster; tests/cluster has one.

#include "demo/cluster_platform.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/required.h"

namespace leadline {
namespace {

class ClusterPlatformTest : public testing::Test {
 protected:
  ClusterPlatformTest() { manifest_.spec.min_replicas = 2; }

  ClusterPlatform platform() { return {DemoOptions{}, manifest_, folder_, stop_}; }
  void kubectl_prints(const char* text) {
    std::ofstream(folder_.file("kubectl-get-hpa.log"), std::ios::app) << text;
  }

  WorkFolder folder_ = required(WorkFolder::make());
  HpaManifest manifest_;
  std::atomic<bool> stop_{false};
};

// kubectl prints it each time that it is started.
TEST_F(ClusterPlatformTest, HeadingIsShownOnceHoweverOftenTheWatchBegins) {
  auto cluster = platform();
  const auto f = [&](const char* printed, const std::vector<std::string>& want) {
    SCOPED_TRACE(printed);
    kubectl_prints(printed);
    EXPECT_EQ(cluster.new_lines(), want);
  };
  f("NAME   REFERENCE\nllm    Deployment/llm\n", {"NAME   REFERENCE", "llm    Deployment/llm"});
  f("llm    Deployment/llm\n", {"llm    Deployment/llm"});
  f("NAME   REFERENCE\n", {});
  f("NAME   REFERENCE\nllm    Deployment/llm\n", {"llm    Deployment/llm"});
}

// The HPA controller decides from then on: what the first look finds may be its doing.
TEST_F(ClusterPlatformTest, BeforeTheFirstLookThereAreAsManyAsItStartsWith) {
  EXPECT_EQ(platform().replicas().wanted, 2);
}

}  // namespace
}  // namespace leadline
