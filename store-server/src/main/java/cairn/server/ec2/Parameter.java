package cairn.server.ec2;

import java.util.OptionalInt;

/**
 * One parameter of an operation, or member of a structure in it.
 *
 * @param name as it stands on the wire, without the number that a list has behind it
 * @param listMax most items of a list; empty for what is no list
 */
record Parameter(String name, OptionalInt listMax, ParameterType type, boolean isRequired) {
    boolean isList() {
        return listMax.isPresent();
    }
}
