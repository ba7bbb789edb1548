"""Latencies as a device meets them: the first call, after a pause, beside other processes ...

Like the meter, these files need the standard library alone, because the kit packs them;
`nas.conditions.onnx_file` needs numpy and the runtime.
"""

__all__: list[str] = []
