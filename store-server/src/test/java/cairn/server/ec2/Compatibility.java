package cairn.server.ec2;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Writes what docs/compatibility.md says of EC2: what the descriptions say, and what the SDK knows beside it. */
final class Compatibility {
    private final StringBuilder text = new StringBuilder();

    private Compatibility() {}

    static String write(Descriptions descriptions) {
        Compatibility writer = new Compatibility();
        Map<String, List<OperationDescription>> areas = descriptions.operations().stream()
                .collect(Collectors.groupingBy(
                        OperationDescription::area, LinkedHashMap::new, Collectors.toList()));
        areas.forEach(writer::area);
        return writer.text.toString();
    }

    private void area(String name, List<OperationDescription> operations) {
        String title = name.replace('-', ' ');
        line("");
        line("#### " + Character.toUpperCase(title.charAt(0)) + title.substring(1));
        operations.forEach(this::operation);
    }

    private void operation(OperationDescription operation) {
        line("");
        line("**" + operation.name() + "**: " + operation.about());
        line("- " + switch (operation.completeness()) {
            case COMPLETE -> "complete" + (operation.remark().isEmpty() ? "" : ": " + operation.remark());
            case DIFFERS -> "differs: " + operation.remark();
            case REFUSED -> "refused (`UnsupportedOperation`): " + operation.remark();
        });
        if (operation.completeness() == OperationDescription.Completeness.REFUSED) {
            return;
        }
        if (!operation.filters().isEmpty()) {
            line("- filters: " + quoted(operation.filters().stream()));
        }
        passed("", operation.parameters(), true);
        passed("", operation.parameters(), false);
        List<String> unknown = new ArrayList<>();
        unknown("", operation.parameters(), SdkStructure.request(operation.name()), unknown);
        names("not known (`UnknownParameter`)", unknown);
        List<String> silent = new ArrayList<>();
        silent("", operation.answer(), SdkStructure.answer(operation.name()), silent);
        names("never answered", silent);
    }

    private void names(String title, List<String> names) {
        if (!names.isEmpty()) {
            line("- " + title + ": " + quoted(new TreeSet<>(names).stream()));
        }
    }

    private void passed(String where, Parameters parameters, boolean isRefused) {
        Map<String, List<String>> byReason = new LinkedHashMap<>();
        collect(where, parameters, isRefused, byReason);
        byReason.forEach((reason, names) -> line(
                "- " + (isRefused ? "refused (`UnsupportedOperation`): " : "ignored: ") + quoted(names.stream()) + ", for "
                        + reason));
    }

    private static void collect(
            String where, Parameters parameters, boolean isRefused, Map<String, List<String>> byReason) {
        parameters.passed().values().stream()
                .filter(each -> each.isRefused() == isRefused)
                .forEach(each -> byReason.computeIfAbsent(each.reason(), reason -> new ArrayList<>())
                        .add(where + each.name() + except(each.harmless())));
        parameters.taken().forEach(parameter -> {
            if (parameter.type() instanceof ParameterType.Structure structure) {
                collect(where + parameter.name() + '.', structure.members(), isRefused, byReason);
            }
        });
    }

    private static String except(List<String> harmless) {
        return harmless.isEmpty() ? "" : " other than " + String.join(", ", harmless);
    }

    private static void unknown(String where, Parameters parameters, SdkStructure sdk, List<String> unknown) {
        for (SdkStructure.Member member : sdk.members()) {
            String path = where + member.name();
            if (parameters.passed().containsKey(member.name())) {
                continue;
            }
            parameters.find(member.name()).ifPresentOrElse(
                    parameter -> {
                        if (parameter.type() instanceof ParameterType.Structure structure) {
                            unknown(path + '.', structure.members(), sdk.below(member), unknown);
                        }
                    },
                    () -> unknown.add(path));
        }
    }

    private static void silent(String where, Shape shape, SdkStructure sdk, List<String> silent) {
        for (SdkStructure.Member member : sdk.members()) {
            String path = where + member.name();
            shape.members().stream()
                    .filter(each -> each.name().equals(member.name()))
                    .findFirst()
                    .ifPresentOrElse(
                            ours -> ours.shape()
                                    .ifPresent(below -> silent(path + '.', below, sdk.below(member), silent)),
                            () -> silent.add(path));
        }
    }

    private static String quoted(Stream<String> names) {
        return names.map(name -> '`' + name + '`').collect(Collectors.joining(", "));
    }

    private void line(String line) {
        text.append(line).append('\n');
    }
}
