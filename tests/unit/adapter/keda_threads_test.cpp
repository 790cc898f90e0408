// What gRPC's threads and the loop share, without gRPC, so that the thread sanitizer sees all of
// it.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <thread>

#include <gtest/gtest.h>

#include "adapter/keda_answers.h"
#include "adapter/keda_streams.h"
#include "tests/required.h"
#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using test::noon;
using test::pod_of;
using test::ViewBuilder;

// Calls back from a thread of its own, as gRPC does.
class CallbackThread {
 public:
  ~CallbackThread() {
    post(nullptr);
    thread_.join();
  }
  CallbackThread() = default;
  CallbackThread(const CallbackThread&) = delete;
  CallbackThread& operator=(const CallbackThread&) = delete;

  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    came_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [this] { return !work_.empty(); });
      const auto work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      if (!work) return;
      work();
    }
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> work_;
  std::thread thread_{[this] { run(); }};
};

// gRPC's rules as assertions: one write at a time, one end, nothing after it.
class FakeReactor {
 public:
  virtual ~FakeReactor() = default;
  // NOLINTNEXTLINE(readability-identifier-naming): gRPC's name
  virtual void OnWriteDone(bool ok) = 0;
  // NOLINTNEXTLINE(readability-identifier-naming): gRPC's name
  virtual void OnCancel() = 0;
  // NOLINTNEXTLINE(readability-identifier-naming): gRPC's name
  virtual void OnDone() = 0;

  // NOLINTNEXTLINE(readability-identifier-naming): gRPC's name
  void StartWrite(const int* message) {
    EXPECT_FALSE(finished_.load());
    EXPECT_FALSE(writing_.exchange(true));
    thread->post([this, message] {
      last_written = *message;
      writing_ = false;
      OnWriteDone(true);
    });
  }
  // NOLINTNEXTLINE(readability-identifier-naming): gRPC's name
  void Finish(const grpc::Status& status) {
    EXPECT_FALSE(writing_.load());
    EXPECT_FALSE(finished_.exchange(true));
    if (status.ok()) ++*ended_with_ok;
    thread->post([this] { OnDone(); });
  }

  CallbackThread* thread = nullptr;
  std::atomic<int>* ended_with_ok = nullptr;
  int last_written = 0;

 private:
  std::atomic<bool> writing_ = false, finished_ = false;
};

class CountingStream final : public KedaWriter<int, FakeReactor> {
 public:
  CountingStream(KedaStreams& streams, CallbackThread& callbacks, std::atomic<int>& ended_with_ok)
      : KedaWriter(streams) {
    thread = &callbacks;
    this->ended_with_ok = &ended_with_ok;
  }
  [[nodiscard]] const std::string& namespace_name() const override { return name_; }
  void tick(SteadyTime /*now*/) override { static_cast<void>(send(++said_)); }

 private:
  std::string name_ = "ns";
  std::atomic<int> said_ = 0;
};

// Streams open, tick, are cancelled by their clients and ended by us, all at once.
TEST(KedaThreadsTest, StreamsKeepGrpcsRulesWhoeverEndsThem) {
  constexpr int kStreams = 300;
  KedaStreams streams;
  std::atomic<int> ended_with_ok = 0;
  {
    CallbackThread grpc_one, grpc_two;
    std::atomic<bool> stop = false;
    std::thread loop([&] {
      while (!stop) streams.tick(noon().steady);
    });
    for (int i = 0; i < kStreams; ++i) {
      CallbackThread& callbacks = i % 2 == 0 ? grpc_one : grpc_two;
      const auto stream = std::make_shared<CountingStream>(streams, callbacks, ended_with_ok);
      stream->begin(stream, noon().steady);
      if (i % 3 == 0) callbacks.post([stream] { stream->OnCancel(); });
    }
    streams.end_all();
    while (streams.size() > 0) std::this_thread::yield();
    stop = true;
    loop.join();
  }
  EXPECT_GE(ended_with_ok, kStreams - kStreams / 3 - 1);
}

TEST(KedaThreadsTest, AnswersAreAskedWhilePodsComeAndGo) {
  ViewCell views;
  const Catalogue catalogue = required(Catalogue::make({}));
  KedaAnswers answers(views, catalogue, {});
  const KedaTrigger trigger =
      required(answers.trigger("ns", {{"workload", "llm"}, {"scaleToZero", "true"}}));
  std::atomic<bool> stop = false;
  std::vector<std::thread> askers;
  for (int i = 0; i < 3; ++i) {
    askers.emplace_back([&] {
      while (!stop) {
        const auto value = answers.value(trigger, noon().steady);
        if (value) EXPECT_TRUE(value->value == 2 || value->value == 5) << value->value;
        const auto active = answers.active(trigger, noon().steady);
        if (active) EXPECT_TRUE(*active);
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    views.publish(ViewBuilder().with(pod_of("a"), {.running = i % 2 == 0 ? 2.0 : 5.0}).build());
    answers.look(noon().steady);
    if (i % 10 == 0) views.publish(ViewBuilder().build());
  }
  stop = true;
  for (auto& asker : askers) asker.join();
}

}  // namespace
}  // namespace leadline
