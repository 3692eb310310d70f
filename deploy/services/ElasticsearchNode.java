import java.lang.reflect.InvocationTargetException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One Elasticsearch node in this process, for tests. The server's own start wants a whole
 * distribution; this one leaves out its bootstrap checks, entitlements and native access.
 */
public final class ElasticsearchNode {
    private ElasticsearchNode() {}

    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]);
        Path config = home.resolve("config");
        System.setProperty("es.path.home", home.toString());
        System.setProperty("es.path.conf", config.toString());
        LogConfigurator.configureESLogging();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
                Settings.EMPTY, Map.of("path.home", home.toString()), config, () -> arguments[1]);
        LogConfigurator.configure(environment, true);
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
                bundles("loadModulesBundles", home.resolve("modules")),
                bundles("loadPluginsBundles", home.resolve("plugins")),
                Map.of(),
                false);
        Node node = new Node(environment, plugins);
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node, ended)));
        node.start();
        ended.await();
    }

    /** Version 9 asks besides whether to fail on what is broken; version 8 always does. */
    @SuppressWarnings("unchecked")
    private static Set<PluginBundle> bundles(String method, Path folder)
            throws ReflectiveOperationException {
        try {
            return (Set<PluginBundle>)
                    PluginsLoader.class.getMethod(method, Path.class).invoke(null, folder);
        } catch (NoSuchMethodException version9) {
            return (Set<PluginBundle>) PluginsLoader.class
                    .getMethod(method, Path.class, boolean.class)
                    .invoke(null, folder, false);
        } catch (InvocationTargetException error) {
            throw new IllegalStateException("cannot read " + folder, error.getCause());
        }
    }

    private static void close(Node node, CountDownLatch ended) {
        try {
            node.close();
        } catch (Exception error) {
            error.printStackTrace();
        } finally {
            ended.countDown();
        }
    }
}
