// KedaScaler makes of a trigger's metadata the subject that KEDA asks about: a workload, which
// KedaAnswers knows, or a queue in Redis. From memory only, and without gRPC; the server around it
// carries it to the wire. Thread-safe. Source: contracts/keda.md §1.6, §1.8.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/keda_answers.h"
#include "adapter/keda_queue_trigger.h"
#include "adapter/label_selector.h"
#include "adapter/redis/config.h"
#include "adapter/redis/pollers.h"
#include "adapter/redis/queue_answers.h"
#include "adapter/redis/queue_board.h"
#include "base/clock.h"
#include "base/result.h"

namespace leadline {

// What one trigger is about. An answer is never a guess, as KedaAnswers says. Thread-safe.
class KedaSubject {
 public:
  virtual ~KedaSubject() = default;
  [[nodiscard]] virtual const std::string& namespace_name() const = 0;
  [[nodiscard]] virtual const std::string& metric_name() const = 0;  // a path segment
  [[nodiscard]] virtual double target_value() const = 0;             // a replica's share, > 0

  // The following may say kUnavailable with the reason.
  [[nodiscard]] virtual Result<KedaValue> value(SteadyTime now) = 0;
  // Whether there is work: it must not go to zero.
  [[nodiscard]] virtual Result<bool> active(SteadyTime now) = 0;

  // Whether it is believed to have no replica, so that KEDA may still have to be woken.
  [[nodiscard]] virtual bool believed_at_zero(SteadyTime now) = 0;
  // A stream waits for it to become active: to be told soon.
  virtual void await_work(SteadyTime now) = 0;
};

// What a KedaScaler asks; all of it outlives it.
struct KedaScalerParts {
  KedaAnswers& workloads;
  QueueBoard& queues;
  RedisPollers& servers;
  const RedisConfig& redis;
  const QueueAnswers& queue_answers;
};

class KedaScaler {
 public:
  // `rule`: where a name in a trigger's metadata may lead.
  explicit KedaScaler(const KedaScalerParts& parts, AddressRule rule = {})
      : parts_(parts), rule_(std::move(rule)) {}

  // kBadInput with every error of the metadata. A queue more than can be counted is a subject whose
  // value is unknown.
  [[nodiscard]] Result<std::shared_ptr<KedaSubject>> subject(std::string_view namespace_name,
                                                             const Labels& metadata,
                                                             SteadyTime now);

  // For time to be known, to be called several times a second.
  void look(SteadyTime now) {
    parts_.workloads.look(now);
    parts_.queues.forget_unasked(now);
  }

 private:
  [[nodiscard]] Result<std::shared_ptr<CountedQueue>> counted(KedaQueueTrigger& trigger,
                                                              SteadyTime now);

  KedaScalerParts parts_;
  AddressRule rule_;
};

}  // namespace leadline
