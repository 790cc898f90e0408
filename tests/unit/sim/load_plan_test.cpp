#include "sim/load_plan.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr char kHeader[] = "TIMESTAMP,ContextTokens,GeneratedTokens\n";

// 100 rows at growing gaps, row i with i + 1 prompt tokens, about 12 s.
Trace uneven_trace() {
  Trace trace;
  nanoseconds at{0};
  for (int i = 0; i < 100; ++i) {
    trace.rows.push_back({at, i + 1, 1});
    at += milliseconds(20 + 2 * i);
  }
  trace.span = at;
  return trace;
}

TEST(LoadPlanTest, AzureRowsAreReadToTheHundredNanoseconds) {
  const auto trace = parse_trace(std::string(kHeader) +
                                 "2023-11-16 23:59:59.9000000,374,44\r\n"
                                 "2023-11-17 00:00:00.1234567,396,0\n");
  ASSERT_TRUE(trace.has_value()) << trace.error().message;
  ASSERT_EQ(trace->rows.size(), 2U);
  EXPECT_EQ(trace->rows[0].at, nanoseconds(0));
  EXPECT_NEAR(static_cast<double>(trace->rows[1].at.count()), 223'456'700, 10);
  EXPECT_EQ(trace->rows[0].prompt_tokens, 374);
  EXPECT_EQ(trace->rows[1].generation_tokens, 1) << "a request makes at least one token";
}

TEST(LoadPlanTest, BadTracesNameTheLine) {
  const auto f = [](const std::string& csv, std::string_view want) {
    SCOPED_TRACE(csv);
    const auto trace = parse_trace(csv);
    ASSERT_FALSE(trace.has_value());
    EXPECT_NE(trace.error().message.find(want), std::string::npos) << trace.error().message;
  };
  const std::string good = "2023-11-16 18:15:46.6805900,374,44\n";
  f("", "line 1");
  f("a,b,c\n", "line 1");
  f(kHeader, "fewer than two");
  f(kHeader + good, "fewer than two");
  f(kHeader + good + "2023-11-16 18:15:46.68,374\n", "line 3");
  f(kHeader + good + "2023-13-16 18:15:46.68,374,1\n", "line 3");
  f(kHeader + good + "2023-11-16 18:15:xx.68,374,1\n", "line 3");
  f(kHeader + good + "2023-11-16 18:15:46.68,-4,1\n", "line 3");
}

TEST(LoadPlanTest, OneCopyIsTheTraceInRealTime) {
  const Trace trace = uneven_trace();
  const auto plan = plan_load(trace, {});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->duration, trace.span);
  ASSERT_EQ(plan->arrivals.size(), trace.rows.size());
  for (std::size_t i = 0; i < trace.rows.size(); ++i) {
    EXPECT_EQ(plan->arrivals[i].at, trace.rows[i].at);
    EXPECT_EQ(plan->arrivals[i].prompt_tokens, trace.rows[i].prompt_tokens);
  }
}

TEST(LoadPlanTest, CopiesMultiplyTheRateAndKeepTheGaps) {
  const Trace trace = uneven_trace();
  const auto plan = plan_load(trace, {.copies = 7});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->arrivals.size(), 700U);
  EXPECT_TRUE(std::is_sorted(plan->arrivals.begin(), plan->arrivals.end(),
                             [](const Arrival& a, const Arrival& b) { return a.at < b.at; }));
  // Each row came seven times, at seven different moments: row 2 follows row 1 by 20 ms in each
  // copy but one that the plan's end may cut between them.
  std::map<int, std::set<nanoseconds>> times;
  for (const Arrival& arrival : plan->arrivals) times[arrival.prompt_tokens].insert(arrival.at);
  EXPECT_EQ(times[1].size(), 7U);
  int followed = 0;
  for (const nanoseconds at : times[1])
    followed += times[2].contains(at + milliseconds(20)) ? 1 : 0;
  EXPECT_GE(followed, 6);
}

TEST(LoadPlanTest, StartDurationAndThinningSelectRows) {
  const Trace trace = uneven_trace();
  const auto plan = plan_load(trace, {.start = trace.rows[10].at,
                                      .duration = trace.rows[20].at - trace.rows[10].at,
                                      .keep_every = 5});
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->arrivals.size(), 2U);
  EXPECT_EQ(plan->arrivals[0].at, nanoseconds(0));
  EXPECT_EQ(plan->arrivals[0].prompt_tokens, 11);
  EXPECT_EQ(plan->arrivals[1].prompt_tokens, 16);
}

TEST(LoadPlanTest, LongPlansGoRoundTheTrace) {
  const Trace trace = uneven_trace();
  const auto plan = plan_load(trace, {.duration = 3 * trace.span});
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->arrivals.size(), 300U);
  EXPECT_EQ(plan->arrivals[100].at, trace.span);
  EXPECT_EQ(plan->arrivals[299].at, 2 * trace.span + trace.rows[99].at);
}

TEST(LoadPlanTest, BurstsAddCopiesForTheirTimeOnly) {
  const Trace trace = uneven_trace();
  const auto base = plan_load(trace, {.duration = seconds(12)});
  const auto plan =
      plan_load(trace, {.duration = seconds(12),
                        .bursts = {{.at = seconds(4), .duration = seconds(3), .copies = 2}}});
  ASSERT_TRUE(base.has_value() && plan.has_value());
  const auto count = [](const LoadPlan& p, nanoseconds from, nanoseconds to) {
    return std::count_if(p.arrivals.begin(), p.arrivals.end(),
                         [=](const Arrival& a) { return a.at >= from && a.at < to; });
  };
  EXPECT_EQ(count(*plan, seconds(0), seconds(4)), count(*base, seconds(0), seconds(4)));
  EXPECT_EQ(count(*plan, seconds(7), seconds(12)), count(*base, seconds(7), seconds(12)));
  EXPECT_GT(count(*plan, seconds(4), seconds(7)), 2 * count(*base, seconds(4), seconds(7)) - 5);
}

TEST(LoadPlanTest, OptionsOutOfRangeAreErrors) {
  const auto f = [](const LoadOptions& options) {
    const auto plan = plan_load(uneven_trace(), options);
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().code, Errc::kBadConfig);
  };
  f({.copies = -1});
  f({.copies = 10'001});
  f({.keep_every = 0});
  f({.start = seconds(-1)});
  f({.duration = std::chrono::hours(24 * 40)});
  f({.duration = seconds(10), .bursts = {{.at = seconds(10), .duration = seconds(1)}}});
  f({.duration = seconds(10), .bursts = {{.at = seconds(1), .duration = seconds(0)}}});
}

TEST(LoadPlanTest, BurstsAreParsed) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    const auto burst = parse_burst(text);
    EXPECT_EQ(burst ? fmt::format("{} {} {}", burst->at / milliseconds(1),
                                  burst->duration / milliseconds(1), burst->copies)
                    : "error",
              want);
  };
  f("35:45:2", "35000 45000 2");
  f("0.5:1.25:1", "500 1250 1");
  f("", "error");
  f("1:2", "error");
  f("1:2:3:4", "error");
  f("-1:2:3", "error");
  f("1:0:3", "error");
  f("1:2:0", "error");
  f("a:2:1", "error");
}

}  // namespace
}  // namespace leadline
