#include "sim/engine_host.h"

#include <utility>

namespace leadline {
namespace {

constexpr std::chrono::seconds kIdleWait{1};  // a deadline only; every change notifies

double unix_seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

EngineHost::EngineHost(const BatchingConfig& config, PerfModel perf, Clock clock)
    : config_(config),
      perf_(std::move(perf)),
      clock_(std::move(clock)),
      engine_(config_, perf_),
      start_seconds_(unix_seconds(clock_().wall)),
      thread_([this] { run(); }) {}

EngineHost::~EngineHost() {
  stop();
}

Result<std::shared_ptr<TokenStream>> EngineHost::submit(BatchRequest request) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return fail(Errc::kUnavailable, "the engine is stopping");
  request.id = ++last_id_;
  if (engine_.enqueue(request, clock_().steady) == Admission::kQueueFull) {
    return fail(Errc::kUnavailable, "the queue limit of {} requests is reached",
                config_.max_queued);
  }
  auto stream = std::make_shared<TokenStream>();
  stream->request = request;
  streams_.emplace(request.id, stream);
  wake_.notify_one();
  return stream;
}

StreamProgress EngineHost::wait(TokenStream& stream, int seen, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  stream.changed.wait_for(lock, patience, [&] {
    const StreamProgress& p = stream.progress;
    return p.tokens > seen || p.done || p.broken;
  });
  return stream.progress;
}

void EngineHost::abandon(TokenStream& stream) {
  const std::lock_guard lock(mutex_);
  if (stream.progress.done || stream.progress.broken) return;
  stream.progress.broken = true;
  engine_.abort(stream.request.id, clock_().steady);
  streams_.erase(stream.request.id);
}

void EngineHost::freeze(bool frozen) {
  const std::lock_guard lock(mutex_);
  frozen_ = frozen;
  wake_.notify_one();
}

void EngineHost::restart() {
  const std::lock_guard lock(mutex_);
  break_streams();
  engine_ = BatchingEngine(config_, perf_);
  start_seconds_ = unix_seconds(clock_().wall);
  ++epoch_;
  wake_.notify_one();
}

Instant EngineHost::mark(const GaugeMarks& marks) {
  const std::lock_guard lock(mutex_);
  marks_ = marks;
  return clock_();
}

EngineState EngineHost::state() const {
  const std::lock_guard lock(mutex_);
  return {.waiting = engine_.waiting(),
          .running = engine_.running(),
          .marks = marks_,
          .kv_blocks_used = engine_.kv_blocks_used(),
          .start_seconds = start_seconds_,
          .seen = clock_(),
          .totals = engine_.totals()};
}

void EngineHost::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    break_streams();
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void EngineHost::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::optional<std::chrono::nanoseconds> duration;
    if (!frozen_) duration = engine_.begin_step(clock_().steady);
    if (duration) {
      run_step(lock, *duration);
    } else {
      wake_.wait_for(lock, kIdleWait);
    }
  }
}

// Sleeps out the step, whatever arrives meanwhile: new requests wait for the next one, as in the
// real engine.
void EngineHost::run_step(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds duration) {
  const SteadyTime end = clock_().steady + duration;
  const int epoch = epoch_;
  wake_.wait_until(lock, end, [&] { return stopping_ || epoch_ != epoch; });
  if (stopping_ || epoch_ != epoch) return;
  deliver(engine_.finish_step(clock_().steady));
}

void EngineHost::deliver(const std::vector<TokenEvent>& events) {
  for (const TokenEvent& event : events) {
    const auto at = streams_.find(event.id);
    if (at == streams_.end()) continue;
    TokenStream& stream = *at->second;
    ++stream.progress.tokens;
    stream.progress.done = event.last;
    stream.changed.notify_all();
    if (event.last) streams_.erase(at);
  }
}

void EngineHost::break_streams() {
  for (auto& [id, stream] : streams_) {
    stream->progress.broken = true;
    stream->changed.notify_all();
  }
  streams_.clear();
}

}  // namespace leadline
