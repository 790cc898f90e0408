#include "adapter/keda_scaler.h"

#include <utility>

#include "daemon/log.h"

namespace leadline {
namespace {

class WorkloadSubject final : public KedaSubject {
 public:
  WorkloadSubject(KedaAnswers& answers, KedaTrigger trigger)
      : answers_(answers), trigger_(std::move(trigger)) {}

  [[nodiscard]] const std::string& namespace_name() const override {
    return trigger_.namespace_name;
  }
  [[nodiscard]] const std::string& metric_name() const override { return trigger_.entry->name; }
  [[nodiscard]] double target_value() const override { return trigger_.target_value; }
  [[nodiscard]] Result<KedaValue> value(SteadyTime now) override {
    return answers_.value(trigger_, now);
  }
  [[nodiscard]] Result<bool> active(SteadyTime now) override {
    return answers_.active(trigger_, now);
  }
  [[nodiscard]] bool believed_at_zero(SteadyTime now) override {
    return answers_.believed_at_zero(trigger_, now);
  }
  void await_work(SteadyTime /*now*/) override {}  // its pods' sidecars tell as soon as they can

 private:
  KedaAnswers& answers_;
  KedaTrigger trigger_;
};

// KEDA tells nothing of replicas: where no worker took a job for so long, there may be none.
constexpr std::chrono::seconds kNobodyWorks{10};

// What a trigger on a queue says, whatever is known of the queue.
class QueueTriggerSubject : public KedaSubject {
 public:
  explicit QueueTriggerSubject(KedaQueueTrigger trigger) : trigger_(std::move(trigger)) {}

  [[nodiscard]] const std::string& namespace_name() const override {
    return trigger_.namespace_name;
  }
  [[nodiscard]] const std::string& metric_name() const override { return trigger_.metric_name; }
  [[nodiscard]] double target_value() const override { return trigger_.target_value; }

 protected:
  const KedaQueueTrigger trigger_;
};

class QueueSubject final : public QueueTriggerSubject {
 public:
  QueueSubject(KedaQueueTrigger trigger, std::shared_ptr<CountedQueue> counted,
               const QueueAnswers& answers)
      : QueueTriggerSubject(std::move(trigger)), counted_(std::move(counted)), answers_(answers) {}

  [[nodiscard]] Result<KedaValue> value(SteadyTime now) override {
    counted_->ask(now);
    const auto answer = trigger_.metric ? answers_.value(*counted_, *trigger_.metric, now)
                                        : answers_.jobs(*counted_, now);
    if (!answer) return unknown(answer.error());
    return KedaValue{.value = answer->value, .sample_age = now - answer->sampled_at};
  }

  // What is in flight is work, however few; what waits, where there is more than the activation.
  [[nodiscard]] Result<bool> active(SteadyTime now) override {
    counted_->ask(now);
    const auto state = answers_.state(*counted_, now);
    if (!state) return unknown(state.error());
    return (*state)->in_flight.value_or(0) > 0 ||
           static_cast<double>((*state)->depth.value_or(0)) > trigger_.activation;
  }

  [[nodiscard]] bool believed_at_zero(SteadyTime now) override {
    const auto state = counted_->state();
    return !state->taken_at || now - *state->taken_at > kNobodyWorks;
  }

  void await_work(SteadyTime now) override { counted_->watch(now); }

 private:
  [[nodiscard]] tl::unexpected<Error> unknown(const Error& error) const {
    return fail(Errc::kUnavailable, "redis queue {}: {}", printable(counted_->queue().name),
                error.message);
  }

  std::shared_ptr<CountedQueue> counted_;
  const QueueAnswers& answers_;
};

// A queue that is one too many: its spec is told all the same, since KEDA's `fallback` rests on it.
class UncountedSubject final : public QueueTriggerSubject {
 public:
  UncountedSubject(KedaQueueTrigger trigger, Error why)
      : QueueTriggerSubject(std::move(trigger)), why_(std::move(why)) {}

  [[nodiscard]] Result<KedaValue> value(SteadyTime /*now*/) override { return fail(why_); }
  [[nodiscard]] Result<bool> active(SteadyTime /*now*/) override { return fail(why_); }
  [[nodiscard]] bool believed_at_zero(SteadyTime /*now*/) override { return false; }
  void await_work(SteadyTime /*now*/) override {}

 private:
  Error why_;
};

}  // namespace

Result<std::shared_ptr<KedaSubject>> KedaScaler::subject(std::string_view namespace_name,
                                                         const Labels& metadata, SteadyTime now) {
  if (!is_keda_queue_trigger(metadata)) {
    auto trigger = parts_.workloads.trigger(namespace_name, metadata);
    if (!trigger) return fail(trigger.error());
    return std::make_shared<WorkloadSubject>(parts_.workloads, std::move(*trigger));
  }
  auto trigger = parse_keda_queue_trigger(namespace_name, metadata, parts_.redis);
  if (!trigger) return fail(trigger.error());
  auto queue = counted(*trigger, now);
  if (!queue) return std::make_shared<UncountedSubject>(std::move(*trigger), queue.error());
  if (!trigger->counts_jobs()) (*queue)->want_flow();
  return std::make_shared<QueueSubject>(std::move(*trigger), std::move(*queue),
                                        parts_.queue_answers);
}

Result<std::shared_ptr<CountedQueue>> KedaScaler::counted(KedaQueueTrigger& trigger,
                                                          SteadyTime now) {
  if (trigger.is_configured) {
    return parts_.queues.configured(trigger.namespace_name, trigger.queue.name);
  }
  if (trigger.server) {
    trigger.server->rule = rule_;
    auto name = parts_.servers.named(trigger.namespace_name, std::move(*trigger.server));
    if (!name) return fail(name.error());
    trigger.queue.server = std::move(*name);
  }
  return parts_.queues.asked(trigger.queue, now);
}

}  // namespace leadline
