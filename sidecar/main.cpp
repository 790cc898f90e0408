// leadline-sidecar: one beside each inference engine.

#include <fmt/format.h>

#include "daemon/config.h"
#include "daemon/log.h"
#include "sidecar/config.h"
#include "sidecar/once.h"
#include "sidecar/sidecar.h"

int main(int argc, char** argv) {
  using namespace leadline;
  const ConfigOutcome outcome = load_config(sidecar_schema(), process_inputs(argc, argv));
  if (!outcome.config) return report(outcome);
  const SidecarConfig config = sidecar_config(*outcome.config);
  set_log_level(config.log_level);
  for (const auto& warning : outcome.warnings) log_warn(warning);
  return config.once ? run_once(config) : run_sidecar(config);
}
