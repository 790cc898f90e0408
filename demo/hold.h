// What --hold leaves behind for people: a kubeconfig and lines to paste.

#pragma once

#include <string>

#include "base/result.h"
#include "demo/adapter_process.h"
#include "demo/hpa_manifest.h"
#include "demo/work_folder.h"

namespace leadline {

// What kubectl needs to speak to this adapter as the user of its token: server, certificate, token.
[[nodiscard]] std::string kubeconfig_for(const AdapterProcess& adapter);

// Writes `kubeconfig` into the folder and prints the exact kubectl and curl lines.
void print_hold_help(const AdapterProcess& adapter, const WorkFolder& folder,
                     const HpaManifest& manifest);

}  // namespace leadline
