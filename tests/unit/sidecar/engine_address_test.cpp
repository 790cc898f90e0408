#include "sidecar/engine_address.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(EngineAddressTest, AUrlWithoutAPathTriesTheKnownPathsThenTheNeighbours) {
  const auto all = candidates_of({.url = *parse_url("http://h:8000"), .ports = {}});
  ASSERT_EQ(all.size(), 7U);
  EXPECT_EQ(all[0].endpoint.path, "/prometheus/metrics")
      << "reading /metrics empties trtllm-serve's";
  EXPECT_EQ(all[1].endpoint.path, "/metrics");
  EXPECT_FALSE(all[4].neighbour);
  EXPECT_TRUE(all[5].neighbour);
  EXPECT_EQ(all[5].endpoint.port, 8002);
  EXPECT_EQ(all[6].endpoint.port, 8082);
}

TEST(EngineAddressTest, ANeighbourIsNotItsOwnNeighbour) {
  EXPECT_EQ(candidates_of({.url = *parse_url("http://h:8002"), .ports = {}}).size(), 6U);
}

TEST(EngineAddressTest, NoPortTwiceAndNeverOurOwn) {
  const auto all = candidates_of({});
  for (const Candidate& one : all) {
    EXPECT_EQ(one.endpoint.host, "127.0.0.1");
    EXPECT_NE(one.endpoint.port, 9733);
    EXPECT_EQ(std::count_if(all.begin(), all.end(),
                            [&](const Candidate& other) {
                              return other.endpoint.port == one.endpoint.port &&
                                     other.endpoint.path == one.endpoint.path;
                            }),
              1);
  }
}

TEST(EngineAddressTest, NamedPortsReplaceTheDefaults) {
  const auto all = candidates_of({.url = {}, .ports = {9999}});
  EXPECT_EQ(all.size(), 5U);
  EXPECT_EQ(all[0].endpoint.port, 9999);
}

}  // namespace
}  // namespace leadline
