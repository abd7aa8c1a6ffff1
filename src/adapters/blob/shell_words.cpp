#include "adapters/blob/shell_words.h"

#include <optional>

namespace muster::adapters {

Result<std::vector<std::string>> split_words(std::string_view line) {
    std::vector<std::string> words;
    std::optional<std::string> word;
    char quote = '\0';
    for (std::size_t at = 0; at < line.size(); ++at) {
        const char letter = line[at];
        const bool is_blank = letter == ' ' || letter == '\t' || letter == '\n';
        if (quote == '\0' && is_blank) {
            if (word) {
                words.push_back(*std::exchange(word, std::nullopt));
            }
            continue;
        }
        if (!word) {
            word.emplace();
        }
        if (letter == '\\' && quote != '\'' && at + 1 < line.size()) {
            *word += line[++at];
        } else if (letter == quote) {
            quote = '\0';
        } else if (quote == '\0' && (letter == '\'' || letter == '"')) {
            quote = letter;
        } else {
            *word += letter;
        }
    }
    if (quote != '\0') {
        return Error{Errc::kInvalid, "a quote is left open"};
    }
    if (word) {
        words.push_back(*word);
    }
    return words;
}

}  // namespace muster::adapters
