#include "sim/perf_model.h"

#include <string>

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(PerfModelTest, InterpolatesBetweenPointsHoldsBelowAndExtendsAbove) {
  const PerfModel model({{100, .1}, {200, .2}, {400, .3}}, {{1, .03}, {64, .05}});
  const auto f = [&](int tokens, double want) {
    SCOPED_TRACE(tokens);
    EXPECT_NEAR(model.prefill_seconds(tokens), want, 1e-12);
  };
  f(0, 0);
  f(1, .1);
  f(100, .1);
  f(150, .15);
  f(200, .2);
  f(300, .25);
  f(400, .3);
  f(600, .4);  // the last segment's slope: .1 s in 200 tokens
  EXPECT_EQ(model.decode_seconds(0), 0);
  EXPECT_NEAR(model.decode_seconds(32), .03 + .02 * 31 / 63, 1e-12);
}

TEST(PerfModelTest, NoiseInTheLastPointsNeverMakesLargerBatchesFaster) {
  const PerfModel model({{1, .1}}, {{32, .052}, {64, .042}});
  EXPECT_NEAR(model.decode_seconds(48), .047, 1e-12);
  EXPECT_NEAR(model.decode_seconds(1000), .042, 1e-12);
}

TEST(PerfModelTest, EmbeddedTableGivesTheMediansOfItsRepeats) {
  const auto model = parse_perf_model(embedded_perf_table(), {});
  ASSERT_TRUE(model.has_value()) << model.error().message;
  // Read off the table by a script of another language: llama2-70b, h100-80gb, tp 8.
  EXPECT_NEAR(model->prefill_seconds(1024), .0779, 5e-5);
  EXPECT_NEAR(model->prefill_seconds(8192), .8449, 5e-5);
  EXPECT_NEAR(model->decode_seconds(1), .0298, 5e-5);
  EXPECT_NEAR(model->decode_seconds(64), .0502, 5e-5);
}

TEST(PerfModelTest, UnknownRowsAreAnErrorThatListsWhatThereIs) {
  const auto model = parse_perf_model(embedded_perf_table(), {"llama2-70b", "abacus", 8});
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, Errc::kNotFound);
  EXPECT_NE(model.error().message.find("bloom-176b a100-80gb tp8"), std::string::npos);
}

TEST(PerfModelTest, BadTablesNameLineOrColumn) {
  const std::string header =
      "model,hardware,prompt_size,batch_size,token_size,prompt_time,token_time,tensor_parallel\n";
  const auto f = [&](const std::string& csv, std::string_view want) {
    SCOPED_TRACE(csv);
    const auto model = parse_perf_model(csv, {});
    ASSERT_FALSE(model.has_value());
    EXPECT_NE(model.error().message.find(want), std::string::npos) << model.error().message;
  };
  f("", "no column \"model\"");
  f("model,hardware\n", "no column \"tensor_parallel\"");
  f(header + "m,h,512,1,128,50\n", "line 2: 6 fields");
  f(header + "\nm,h,512,1,128,fast,30,8\n", "line 3: not a positive number");
  f(header + "m,h,512,1,128,-1,30,8\n", "line 2: not a positive number");
}

}  // namespace
}  // namespace leadline
