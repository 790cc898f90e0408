#include "sim/vllm_page.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/page_text.h"
#include "sim/text_file.h"
#include "tests/unit/sim/page_shape.h"

namespace leadline {
namespace {

std::string recorded_page() {
  const auto page = read_text_file(std::string(LEADLINE_SOURCE_DIR) +
                                   "/tests/data/sim/live-vllm-0.32.0-after.prom");
  return page.value_or("");
}

PageInput like_the_recorded_one() {
  // The recorded engine ran with 2048 tokens, which its token buckets show.
  BatchingConfig config;
  config.max_model_len = 2048;
  PageInput input{.model_name = "tiny/llama",
                  .process_start_seconds = 1795314444.15,
                  .created_seconds = 1795314482.25,
                  .config = config,
                  .totals = EngineTotals(2048),
                  .process = {},
                  .http = {},
                  .huge_label = {}};
  input.http.push_back({"/v1/models", "GET", "2xx", 1, 1795314484.1});
  return input;
}

const std::set<std::string> kLeftOut = {"python_gc_objects_collected_total",
                                        "python_gc_objects_uncollectable_total",
                                        "python_gc_collections_total",
                                        "python_info",
                                        "http_request_size_bytes",
                                        "http_request_size_bytes_created",
                                        "http_response_size_bytes",
                                        "http_response_size_bytes_created",
                                        "http_request_duration_highr_seconds",
                                        "http_request_duration_highr_seconds_created",
                                        "http_request_duration_seconds",
                                        "http_request_duration_seconds_created"};

TEST(VllmPageTest, FamiliesHelpTypesAndOrderAreTheRecordedOnesLessAKnownList) {
  std::vector<std::string> want = read_shape(recorded_page()).families;
  ASSERT_GT(want.size(), 90U);
  const auto left_out = [](const std::string& f) { return kLeftOut.contains(family_name(f)); };
  EXPECT_EQ(static_cast<std::size_t>(std::count_if(want.begin(), want.end(), left_out)),
            kLeftOut.size());
  std::erase_if(want, left_out);
  EXPECT_EQ(read_shape(render_vllm_page(like_the_recorded_one())).families, want);
}

TEST(VllmPageTest, LabelNamesTheirOrderAndBucketEdgesAreTheRecordedOnes) {
  const Shape want = read_shape(recorded_page());
  const Shape have = read_shape(render_vllm_page(like_the_recorded_one()));
  ASSERT_GT(have.label_names.size(), 80U);
  for (const auto& [name, labels] : have.label_names) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(want.label_names.contains(name));
    EXPECT_EQ(labels, want.label_names.at(name));
    EXPECT_EQ(have.edges.at(name), want.edges.at(name));
  }
}

TEST(VllmPageTest, NumbersAreWrittenAsTheRecordedPageWritesThem) {
  const Shape want = read_shape(recorded_page());
  ASSERT_GT(want.values.size(), 400U);
  for (const std::string& text : want.values) EXPECT_EQ(python_float(std::stod(text)), text);
}

TEST(VllmPageTest, PythonFloatAtTheEdgesOfItsForms) {
  const auto f = [](double value, std::string_view want) { EXPECT_EQ(python_float(value), want); };
  f(0, "0.0");
  f(-1, "-1.0");
  f(.0001, "0.0001");
  f(.00001, "1e-05");
  f(999999, "999999.0");
  f(1000000, "1e+06");
  f(1234567.5, "1.2345675e+06");
  f(12345678901, "1.2345678901e+010");  // Python's own: "e+0" before every exponent
  f(std::numeric_limits<double>::infinity(), "+Inf");
  f(std::numeric_limits<double>::quiet_NaN(), "NaN");
}

TEST(VllmPageTest, ValuesReachTheirFamilies) {
  PageInput input = like_the_recorded_one();
  input.model_name = "a\"b\\c";
  input.waiting = 3;
  input.running = 5;
  input.kv_blocks_used = input.config.kv_blocks / 4;
  input.totals.prompt_tokens = 700;
  input.totals.rejected = 2;
  input.totals.finished_length = 9;
  input.totals.ttft.observe(.25);  // on an edge: inside it
  const std::string page = render_vllm_page(input);
  const std::string model = R"(model_name="a\"b\\c")";
  const auto f = [&](const std::string& line) {
    EXPECT_NE(page.find('\n' + line + '\n'), std::string::npos) << line;
  };
  f("vllm:num_requests_waiting{engine=\"0\"," + model + "} 3.0");
  f("vllm:num_requests_waiting_by_reason{engine=\"0\"," + model + ",reason=\"capacity\"} 3.0");
  f("vllm:num_requests_running{engine=\"0\"," + model + "} 5.0");
  f("vllm:kv_cache_usage_perc{engine=\"0\"," + model + "} 0.25");
  f("vllm:prompt_tokens_total{engine=\"0\"," + model + "} 700.0");
  f("vllm:admission_rejections_total{" + model + ",reason=\"max_num_queued_reqs\"} 2.0");
  f("vllm:request_success_total{engine=\"0\",finished_reason=\"length\"," + model + "} 9.0");
  f("vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"0.1\"," + model + "} 0.0");
  f("vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"0.25\"," + model + "} 1.0");
  f("vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"+Inf\"," + model + "} 1.0");
  f("vllm:time_to_first_token_seconds_sum{engine=\"0\"," + model + "} 0.25");
}

}  // namespace
}  // namespace leadline
