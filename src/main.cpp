#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "cli/command_line.h"

int main(int count, char** arguments) {
    // A reader that went away ("muster events | head") is an error of the write.
    std::signal(SIGPIPE, SIG_IGN);
    const auto parsed = muster::cli::parse_command_line(
        std::vector<std::string>(arguments + 1, arguments + count), std::cout, std::cerr);
    return parsed.run ? parsed.run(std::cout, std::cerr) : parsed.exit_code;
}
