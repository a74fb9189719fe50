"""What pickles name: what weights need, what looks as if they did, and what attackers like."""

from __future__ import annotations

_PROGRAMS = (
    *("os.system", "posix.system", "os.execv", "os.mkdir", "subprocess.Popen", "subprocess.check_output", "pty.spawn"),
    *("builtins.eval", "builtins.exec", "builtins.compile", "builtins.open", "builtins.getattr", "builtins.__import__"),
    *(
        "builtins.setattr",
        "builtins.breakpoint",
        "__builtin__.eval",
        "runpy.run_path",
        "runpy._run_code",
        "code.interact",
    ),
    *("importlib.import_module", "webbrowser.open", "shutil.rmtree", "socket.create_connection", "timeit.timeit"),
    *("urllib.request.urlopen", "ctypes.CDLL", "ctypes.string_at", "pickle.loads", "_pickle.loads", "marshal.loads"),
    *(
        "types.FunctionType",
        "types.CodeType",
        "sys.exit",
        "os._exit",
        "os.abort",
        "signal.raise_signal",
        "faulthandler._sigsegv",
    ),
    *("torch.load", "torch.hub.load", "torch.jit.load", "torch.jit._serialization.load", "torch.ops.load_library"),
    *("torch.utils.cpp_extension.load", "torch.os.system", "numpy.load", "numpy.memmap", "numpy.fromfile"),
    *("numpy.f2py.compile", "numpy.testing._private.utils.runstring", "zplus_plugins.cli.main.main"),
)
_COPIERS = (
    *("builtins.bytearray", "builtins.bytes", "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset"),
    *("builtins.dict", "builtins.range", "builtins.str", "builtins.int", "builtins.complex", "builtins.slice"),
    *("builtins.map", "builtins.sum", "builtins.sorted", "builtins.object", "builtins.type", "builtins.print"),
    *("__builtin__.set", "__builtin__.list", "__builtin__.object", "__builtin__.long", "__builtin__.unicode"),
    *("_codecs.encode", "codecs.encode", "_codecs.decode", "functools.partial", "functools.reduce"),
    *("operator.attrgetter", "operator.itemgetter", "operator.methodcaller", "operator.mul", "itertools.repeat"),
    *("collections.OrderedDict", "collections.Counter", "collections.defaultdict", "collections.deque"),
    *("collections.ChainMap", "argparse.Namespace", "types.SimpleNamespace", "copyreg._reconstructor"),
    *("copyreg.__newobj__", "copy_reg._reconstructor", "copy.deepcopy", "enum.Enum", "datetime.datetime"),
    *(
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
        "pathlib.PosixPath",
        "pathlib.Path",
        "re.compile",
        "re._compile",
    ),
    *("weakref.ref", "array.array", "array._array_reconstructor", "io.BytesIO", "string.Template", "random.Random"),
)
_ARRAYS = (
    *("numpy.ndarray", "numpy.dtype", "numpy.float64", "numpy.int64", "numpy.bool_", "numpy.str_", "numpy.void"),
    *(
        "numpy.zeros",
        "numpy.frombuffer",
        "numpy.matrix",
        "numpy.ma.core._mareconstruct",
        "numpy.object_",
        "numpy.recarray",
    ),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
    *("numpy.dtypes.Float64DType", "numpy.dtypes.ObjectDType", "numpy.random._pickle.__randomstate_ctor"),
)
_TENSORS = (
    *("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3"),
    *("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch._utils._rebuild_qtensor"),
    *(
        "torch._utils._rebuild_sparse_tensor",
        "torch._utils._rebuild_nested_tensor",
        "torch._utils._rebuild_meta_tensor_no_storage",
    ),
    *("torch._utils._rebuild_wrapper_subclass", "torch._utils._rebuild_device_tensor_from_numpy"),
    *("torch._utils._rebuild_device_tensor_from_cpu_tensor", "torch._tensor._rebuild_from_type_v2"),
    *("torch._tensor._rebuild_from_type", "torch.serialization._get_layout", "torch.storage._load_from_bytes"),
    *("torch.storage.UntypedStorage", "torch.storage.TypedStorage", "torch.FloatStorage", "torch.DoubleStorage"),
    *(
        "torch.LongStorage",
        "torch.ByteStorage",
        "torch.BFloat16Storage",
        "torch.ComplexFloatStorage",
        "torch.QInt8Storage",
    ),
    *("torch.Tensor", "torch.nn.parameter.Parameter", "torch.Size", "torch.device", "torch.dtype", "torch.float32"),
    *("torch.float64", "torch.uint8", "torch.zeros", "torch.empty", "torch.Generator", "torch.memory_format"),
    *(
        "torch.nn.modules.linear.Linear",
        "torch.nn.modules.container.Sequential",
        "torch.jit._script.RecursiveScriptModule",
    ),
    *(
        "torch.fx.graph_module.reduce_graph_module",
        "torch.package.PackageImporter",
        "torch.jit.unpickler.build_intlist",
    ),
    *("torch.optim.adam.Adam", "torch_utils.persistence._reconstruct_persistent_obj", "dnnlib.util.EasyDict"),
    *("stylegan2.model.Generator", "model.EqualLinear", "op.fused_act.FusedLeakyReLU", "model.Intruder"),
    *(
        "dnnlib.tflib.network.Network",
        "zplus_plugins.hypersphere.latent._rebuild",
        "zplus_plugins.hypersphere.latent.SphericalLatent",
    ),
)
NAMES: tuple[str, ...] = (
    *_PROGRAMS,
    *_COPIERS,
    *_ARRAYS,
    *_TENSORS,
    "a.b",
    "numpy.",
    ".x",
    "torch.é",
    "__main__.Options",
)
"""By module and name."""

COPIERS, ARRAYS, TENSORS = _COPIERS, _ARRAYS, _TENSORS
DECLARED = "zplus_plugins.hypersphere.latent._rebuild"
"""What torch has been told to take for safe; naming it must not open the door to the rest of the file."""
