// A folder that has no source yet still makes a library, so that its dependents need no special
// case.
