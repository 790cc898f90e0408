// KedaAnswers is what KEDA is told of a workload trigger: its spec, its value, whether it is
// active. From memory only, and without gRPC; the server around it carries it to the wire.
//
// An answer is never a guess: what is not known is kUnavailable with the reason (KEDA's own
// `fallback` is the policy then), never an empty list, a NaN, a 0 or the last value.
// Thread-safe. Source: contracts/keda.md §1.6, §1.8.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "adapter/keda_memory.h"
#include "adapter/keda_trigger.h"
#include "adapter/view.h"
#include "base/clock.h"
#include "base/result.h"
#include "engine/aggregate.h"

namespace leadline {

// absent_grace: without a pod for so long, a workload's value is 0 and it is inactive.
// loading_grace: a pod that loads longer keeps nobody up.
struct KedaOptions {
  AggregateOptions aggregate;
  std::chrono::milliseconds absent_grace{std::chrono::minutes{1}};
  std::chrono::milliseconds loading_grace{std::chrono::minutes{15}};
};

// The metric's value over the workload, finite and >= 0, in its unit.
struct KedaValue {
  double value = 0;
  std::optional<std::chrono::duration<double>> sample_age;  // nullopt: no pod, so no sample
  std::uint32_t pods = 0, pods_fresh = 0;  // expected, and of these counted: AggregateValue
};

class KedaAnswers {
 public:
  // Both outlive it.
  KedaAnswers(const ViewCell& views, const Catalogue& catalogue, KedaOptions options);

  // As parse_keda_trigger().
  [[nodiscard]] Result<KedaTrigger> trigger(std::string_view namespace_name,
                                            const Labels& metadata) const {
    return parse_keda_trigger(namespace_name, metadata, catalogue_);
  }

  // kUnavailable: not all pods were heard yet, too few of them are known, or the last one went less
  // than absent_grace ago. 0 for a workload without pods, and for one with scaleToZero whose every
  // pod has been loading in vain for longer than loading_grace: nothing would ever let it go.
  [[nodiscard]] Result<KedaValue> value(const KedaTrigger& trigger, SteadyTime now);

  // Whether the workload must not go to zero: always, unless the trigger has scaleToZero; then
  // while a pod that is not terminating has requests in flight, one has been loading for less than
  // loading_grace, or the value is above the trigger's activation.
  // kUnavailable as value(), or where a Ready pod's requests are not known and no other is at work.
  [[nodiscard]] Result<bool> active(const KedaTrigger& trigger, SteadyTime now);

  // Whether no pod of it is listed: the moment at which KEDA may still have to be woken.
  [[nodiscard]] bool believed_at_zero(const KedaTrigger& trigger, SteadyTime now);

  // For time to be known, to be called several times a second: KedaMemory::look().
  void look(SteadyTime now) { memory_.look(*views_.current(), now); }

 private:
  struct Listed;  // the workload's pods in the newest view
  [[nodiscard]] Result<Listed> listed(const KedaTrigger& trigger, SteadyTime now);
  [[nodiscard]] Result<KedaValue> value_of(const KedaTrigger& trigger, const Listed& listed,
                                           SteadyTime now) const;
  [[nodiscard]] Result<bool> at_work(const KedaTrigger& trigger, const Listed& listed,
                                     SteadyTime now) const;
  [[nodiscard]] bool is_loading(const Pod& pod, SteadyTime now) const;
  [[nodiscard]] bool all_given_up(const Listed& listed, SteadyTime now) const;

  const ViewCell& views_;
  const Catalogue& catalogue_;
  KedaOptions options_;
  KedaMemory memory_;
};

// How numbers are written for KEDA, which reads the float where it is above 0, prints it with three
// decimals, and before 2.17 knows integers only: a value above 0 never becomes 0.
// Source: KEDA v2.21.0 pkg/scalers/external_scaler.go, scaler.go. REQUIRES: finite, >= 0.
struct KedaNumber {
  double number = 0;       // 0, or at least 0.001
  std::int64_t whole = 0;  // rounded up
};
[[nodiscard]] KedaNumber keda_number(double value);

}  // namespace leadline
