// leadline-adapter: one per cluster, answers the metrics APIs.

#include "adapter/adapter.h"
#include "adapter/config.h"
#include "daemon/config.h"
#include "daemon/log.h"

int main(int argc, char** argv) {
  using namespace leadline;
  const ConfigOutcome outcome = load_config(adapter_schema(), process_inputs(argc, argv));
  if (!outcome.config) return report(outcome);
  const AdapterConfig config = adapter_config(*outcome.config);
  set_log_level(config.log_level);
  for (const auto& warning : outcome.warnings) log_warn(warning);
  return run_adapter(config);
}
