#include "adapter/keda_grpc_log.h"

#include <gtest/gtest.h>

#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

TEST(KedaLogLimitTest, OneLineInTenSecondsWithTheNumberOfThoseLeftOut) {
  using std::chrono::seconds;
  const SteadyTime now = test::noon().steady;
  KedaLogLimit limit;
  EXPECT_EQ(limit.due(now), 0U);
  EXPECT_FALSE(limit.due(now));
  EXPECT_FALSE(limit.due(now + seconds{9}));
  EXPECT_EQ(limit.due(now + seconds{10}), 2U);
  EXPECT_EQ(limit.due(now + seconds{20}), 0U);
}

}  // namespace
}  // namespace leadline
