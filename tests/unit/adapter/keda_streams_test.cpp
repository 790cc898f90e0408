#include "adapter/keda_streams.h"

#include <gtest/gtest.h>

#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using std::chrono::minutes;
using test::noon;

class FakeStream final : public KedaStream {
 public:
  explicit FakeStream(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] const std::string& namespace_name() const override { return name_; }
  void tick(SteadyTime /*now*/) override { ++ticks; }
  void end(grpc::Status status) override { ended = status.error_code(); }

  int ticks = 0;
  std::optional<grpc::StatusCode> ended;

 private:
  std::string name_;
};

TEST(KedaStreamsTest, AStreamEndsWithOkAfterHalfAnHourAndNotBefore) {
  KedaStreams streams;
  const auto stream = std::make_shared<FakeStream>("ns");
  ASSERT_EQ(streams.open(stream, noon().steady), KedaStreams::Opened::kYes);
  streams.tick(noon().steady + minutes{26});
  EXPECT_EQ(stream->ticks, 1);
  EXPECT_FALSE(stream->ended);
  streams.tick(noon().steady + minutes{33});
  EXPECT_EQ(stream->ended, grpc::StatusCode::OK);
}

TEST(KedaStreamsTest, OneNamespaceLeavesRoomForOthers) {
  KedaStreams streams;
  std::vector<std::shared_ptr<FakeStream>> greedy;
  for (std::size_t i = 0; i < KedaStreams::kMaxStreamsOfNamespace; ++i) {
    greedy.push_back(std::make_shared<FakeStream>("greedy"));
    ASSERT_EQ(streams.open(greedy.back(), noon().steady), KedaStreams::Opened::kYes);
  }
  const auto more = std::make_shared<FakeStream>("greedy");
  const auto other = std::make_shared<FakeStream>("other");
  EXPECT_EQ(streams.open(more, noon().steady), KedaStreams::Opened::kFull);
  EXPECT_EQ(streams.open(other, noon().steady), KedaStreams::Opened::kYes);
  streams.forget(greedy.front().get());
  EXPECT_EQ(streams.open(more, noon().steady), KedaStreams::Opened::kYes);
}

TEST(KedaStreamsTest, WhoComesWhileWeStopIsNotTaken) {
  KedaStreams streams;
  const auto stream = std::make_shared<FakeStream>("ns");
  ASSERT_EQ(streams.open(stream, noon().steady), KedaStreams::Opened::kYes);
  streams.end_all();
  EXPECT_EQ(stream->ended, grpc::StatusCode::OK);
  EXPECT_EQ(streams.open(std::make_shared<FakeStream>("ns"), noon().steady),
            KedaStreams::Opened::kStopping);
}

}  // namespace
}  // namespace leadline
