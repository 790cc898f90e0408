// The long poll, by the design page's "Snapshot protocol".

#include "sidecar/snapshot_endpoint.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/snapshot_codec.h"
#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using test::FakeTime;

constexpr std::uint64_t kBoot = 0xC0FFEE;

class SnapshotEndpointTest : public testing::Test {
 protected:
  // What `poll` was answered, filled in when it is.
  struct Answer {
    bool came = false;
    HttpResponse response;

    [[nodiscard]] std::string line() const {
      if (!came) return "parked";
      return fmt::format("{} {}", response.status, response.body ? "body" : "empty");
    }
    [[nodiscard]] std::string header(const char* name) const {
      return std::string(first_header(response.headers, name));
    }
  };

  std::shared_ptr<Answer> poll(const std::string& query) {
    auto answer = std::make_shared<Answer>();
    HttpRequest request;
    request.method = "GET";
    request.target = "/snapshot" + query;
    endpoint_.handle(request, [answer](HttpResponse response) {
      EXPECT_FALSE(answer->came) << "answered twice";
      answer->came = true;
      answer->response = std::move(response);
    });
    return answer;
  }

  std::shared_ptr<Answer> poll_newest(int wait_ms = 1000) {
    return poll(fmt::format("?after={}&wait_ms={}", publisher_.token(), wait_ms));
  }

  void publish() {
    PodSnapshot snapshot;
    snapshot.state = EngineState::kUp;
    snapshot.engine = "vllm";
    publisher_.publish(std::move(snapshot), time_.now().steady);
  }

  FakeTime time_;
  SnapshotPublisher publisher_{{"default", "vllm-0", "uid-1"}, kBoot};
  SnapshotEndpoint endpoint_{publisher_, time_, time_.clock()};
};

TEST_F(SnapshotEndpointTest, AnyTokenButTheNewestIsAnsweredAtOnce) {
  publish();
  const auto f = [this](const std::string& query) {
    SCOPED_TRACE(query);
    EXPECT_EQ(poll(query)->line(), "200 body");
  };
  f("");
  f("?wait_ms=5000");
  f("?after=");
  f("?after");
  f("?after=0000000000c0ffee-1");  // older
  f("?after=0000000000c0ffee-3");  // of the future
  f("?after=000000000000beef-2");  // of another process
  f("?after=c0ffee-2");            // not as we write it
  f("?after=%00");
  f("?after=nonsense&wait_ms=10000");
  EXPECT_EQ(poll("?after=0000000000c0ffee-2")->line(), "parked");
}

TEST_F(SnapshotEndpointTest, NewsAnswersAParkedPollWithTheWholeBody) {
  const auto answer = poll_newest();
  time_.advance(milliseconds(300));
  EXPECT_EQ(answer->line(), "parked");
  publish();
  ASSERT_EQ(answer->line(), "200 body");
  EXPECT_EQ(answer->response.content_type, "application/x-protobuf");
  EXPECT_EQ(answer->header("Leadline-Token"), publisher_.token());
  EXPECT_EQ(answer->header("Leadline-Parked-Ms"), "300");
  EXPECT_EQ(answer->header("Leadline-Sample-Age-Ms"), "0");
  const auto snapshot = decode_snapshot(*answer->response.body);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->pod.name, "vllm-0");
  EXPECT_EQ(snapshot->pod.uid, "uid-1");
  EXPECT_EQ(snapshot->boot_id, kBoot);
  EXPECT_EQ(snapshot->sequence, 2U);
  EXPECT_EQ(snapshot->engine, "vllm");
}

TEST_F(SnapshotEndpointTest, AllParkedPollsShareOneEncodedBody) {
  const auto one = poll_newest();
  const auto other = poll_newest();
  publish();
  ASSERT_EQ(one->line(), "200 body");
  EXPECT_EQ(one->response.body.get(), other->response.body.get());
}

TEST_F(SnapshotEndpointTest, WithoutNewsTheAnswerIs204WithTheToken) {
  publish();
  const auto answer = poll_newest(400);
  time_.advance(milliseconds(399));
  EXPECT_EQ(answer->line(), "parked");
  time_.advance(milliseconds(1));
  EXPECT_EQ(answer->line(), "204 empty");
  EXPECT_EQ(answer->header("Leadline-Token"), publisher_.token());
  EXPECT_EQ(answer->header("Leadline-Parked-Ms"), "400");
  EXPECT_EQ(answer->header("Leadline-Sample-Age-Ms"), "400");
  EXPECT_EQ(time_.pending(), 0U);
}

TEST_F(SnapshotEndpointTest, WaitsOneSecondUnlessAskedAndTenAtMost) {
  const auto f = [this](const std::string& query, int want_ms) {
    SCOPED_TRACE(query);
    const auto answer = poll(fmt::format("?after={}{}", publisher_.token(), query));
    if (want_ms > 0) time_.advance(milliseconds(want_ms - 1));
    EXPECT_EQ(answer->line(), want_ms > 0 ? "parked" : "204 empty");
    time_.advance(milliseconds(1));
    EXPECT_EQ(answer->line(), "204 empty");
  };
  f("", 1000);
  f("&wait_ms=0", 0);
  f("&wait_ms=10000", 10000);
  f("&wait_ms=4000000000", 10000);
}

TEST_F(SnapshotEndpointTest, AWaitThatIsNoNumberIsRefused) {
  for (const char* wait : {"", "x", "-1", "1.5", "1s", "99999999999999999999"}) {
    EXPECT_EQ(poll(fmt::format("?wait_ms={}", wait))->response.status, 400) << wait;
  }
}

TEST_F(SnapshotEndpointTest, TheSeventeenthParkedPollIsRefused) {
  std::vector<std::shared_ptr<Answer>> parked;
  for (std::size_t i = 0; i < kMaxParkedPolls; ++i) parked.push_back(poll_newest());
  EXPECT_EQ(endpoint_.stats().parked, kMaxParkedPolls);
  EXPECT_EQ(poll_newest()->response.status, 429);
  EXPECT_EQ(poll("")->line(), "200 body") << "a poll that need not wait takes no place";
  time_.advance(milliseconds(1000));
  for (const auto& answer : parked) EXPECT_EQ(answer->line(), "204 empty");
  EXPECT_EQ(poll_newest()->line(), "parked");
  EXPECT_EQ(endpoint_.stats().refused, 1U);
}

TEST_F(SnapshotEndpointTest, ABodyWithoutValuesHasNoSampleAge) {
  const auto answer = poll("");
  EXPECT_EQ(answer->line(), "200 body");
  EXPECT_EQ(answer->header("Leadline-Sample-Age-Ms"), "");
  EXPECT_EQ(answer->header("Leadline-Parked-Ms"), "0");
}

TEST_F(SnapshotEndpointTest, AgeCountsFromTheSampleNotFromTheQuestion) {
  publish();
  time_.advance(milliseconds(2500));
  EXPECT_EQ(poll("")->header("Leadline-Sample-Age-Ms"), "2500");
}

TEST_F(SnapshotEndpointTest, DrainAnswersEveryParkedPollAndParksNoMore) {
  const auto parked = poll_newest(10'000);
  endpoint_.drain();
  EXPECT_EQ(parked->line(), "204 empty");
  EXPECT_EQ(poll_newest(10'000)->line(), "204 empty");
  EXPECT_EQ(poll("")->line(), "200 body");
  EXPECT_EQ(time_.pending(), 0U);
}

TEST_F(SnapshotEndpointTest, AClientThatAsksAgainFromItsAnswerIsParkedAgain) {
  HttpRequest request;
  request.method = "GET";
  request.target = "/snapshot?after=" + publisher_.token();
  int answers = 0;
  endpoint_.handle(request, [&, this](const HttpResponse&) {
    ++answers;
    request.target = "/snapshot?after=" + publisher_.token();
    endpoint_.handle(request, [&](const HttpResponse&) { ++answers; });
  });
  publish();
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(endpoint_.stats().parked, 1U);
  publish();
  EXPECT_EQ(answers, 2);
}

}  // namespace
}  // namespace leadline
