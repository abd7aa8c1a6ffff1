#include <cstddef>
#include <cstdint>
#include <string>

#include "adapters/yaml/read_yaml.h"
#include "plan/graph.h"
#include "plans/vocabulary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const muster::plan::Vocabulary kVocabulary = muster::tests::plan_vocabulary();
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto document = muster::adapters::read_yaml(text);
    const auto loaded = muster::plan::load(document.root, kVocabulary, "");
    if (document.problems.empty() && loaded.is_valid()) {
        static_cast<void>(muster::plan::to_svg(loaded.plan));
        static_cast<void>(muster::plan::to_mermaid(loaded.plan));
    }
    return 0;
}
